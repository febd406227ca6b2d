//! Whether the server can do its work, and how well.

use serde::Serialize;

use crate::app::App;

/// What an orchestrator asks. A degraded server issues tokens and stays in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Readiness {
    /// All is well.
    Ready,
    /// Tokens are issued from memory, for the database is out of reach.
    Degraded,
    /// No tokens are issued.
    Unavailable,
}

/// The state of a server in figures.
#[derive(Debug, Serialize)]
pub struct Health {
    /// The verdict.
    pub status: Readiness,
    /// Seconds since the register was last compared with the database.
    pub registry_age_seconds: i64,
    /// Seconds of that age after which no tokens are issued.
    pub registry_max_staleness_seconds: i64,
    /// The revision of the register in memory.
    pub registry_revision: i64,
}

/// The register is compared several times a second; an age beyond this means that the database is out of reach.
const LATE: i64 = 3;

/// Looks at what is in memory; asks nobody.
pub fn check_health(app: &App) -> Health {
    let now = app.clock.now();
    let age = app.registry.age(now);
    let status = match age {
        _ if app.registry_is_fresh(now).is_err() || app.record.is_failing() => Readiness::Unavailable,
        _ if age > LATE => Readiness::Degraded,
        _ => Readiness::Ready,
    };
    Health {
        status,
        registry_age_seconds: age,
        registry_max_staleness_seconds: app.max_staleness,
        registry_revision: app.registry.revision(),
    }
}

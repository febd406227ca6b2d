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
    /// Tokens are issued, to those who still ask; others shall ask another server.
    Stopping,
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
    /// How far the machine's clock is behind the time that the server goes by.
    pub clock_behind_seconds: i64,
    /// When the machine's clock was set last, since the server was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_jump: Option<Jump>,
}

/// The machine's clock was set.
#[derive(Debug, Serialize)]
pub struct Jump {
    /// To which time, in RFC 3339.
    pub to: String,
    /// By how many seconds; negative when it went back.
    pub seconds: i64,
}

/// The register is compared several times a second; an age beyond this means that the database is out of reach.
const LATE: i64 = 3;

/// Looks at what is in memory; asks nobody.
pub fn check_health(app: &App) -> Health {
    let now = app.clock.now();
    let age = app.registry.age(now);
    let status = match age {
        _ if app.is_stopping() => Readiness::Stopping,
        _ if app.registry_is_fresh(now).is_err() || app.record.is_failing() || !app.keys.ring().signs(now) => {
            Readiness::Unavailable
        }
        _ if age > LATE => Readiness::Degraded,
        _ => Readiness::Ready,
    };
    Health {
        status,
        registry_age_seconds: age,
        registry_max_staleness_seconds: app.max_staleness,
        registry_revision: app.registry.revision(),
        clock_behind_seconds: app.clock.behind(),
        clock_jump: app.clock.last_jump().map(|jump| Jump { to: jump.to.to_string(), seconds: jump.seconds }),
    }
}

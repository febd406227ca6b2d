//! Clocks: that of the database against this machine's, and what has become of this one while the server runs.

use serde_json::Value;

use super::Finding;
use crate::{
    cli::examination::open_database,
    clock::{Clock, SystemClock},
    config::Config,
};

const CHECK: &str = "clock";

/// Seconds by which clocks may differ; one that is looked at over the network, and shows whole seconds, always does.
const DIFFERENCE: i64 = 5;

/// Against the database's, where it has one.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let of_database = open_database(config).await.ok()?.clock().await.ok()??;
    let ahead = SystemClock.now().since(of_database);
    if ahead.abs() <= DIFFERENCE {
        return Some(Finding::ok(CHECK, "this machine and the database agree on the time"));
    }
    let (seconds, side) = (ahead.abs(), if ahead > 0 { "ahead of" } else { "behind" });
    let detail = format!("this machine's clock is {seconds} s {side} the database's");
    Some(Finding::warning(CHECK, detail, "have both set by the same time servers; docs/operations.md, \"Clock jump\""))
}

/// As the running server has seen it.
pub(super) fn of_server(health: &Value) -> Option<Finding> {
    let behind = health["clock_behind_seconds"].as_i64().unwrap_or_default();
    if behind > DIFFERENCE {
        let detail = format!("it is {behind} s behind the time that the server goes by, which does not go back");
        let repair = "if it is right now, restart the server; docs/operations.md, \"Clock jump\"";
        return Some(Finding::warning(CHECK, detail, repair));
    }
    let (seconds, to) = (health["clock_jump"]["seconds"].as_i64()?, health["clock_jump"]["to"].as_str()?);
    let detail = format!("it was set by {seconds} s, to {to}, while the server ran");
    Some(Finding::warning(CHECK, detail, "find out who sets it; docs/operations.md, \"Clock jump\""))
}

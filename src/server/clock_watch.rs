//! Notices when the machine's clock is set.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::{ClockJump, SteadyClock},
    storage::Database,
};

const EVERY: Duration = Duration::from_secs(1);

/// From this on, clocks are said to differ: assertions and tokens are given a minute.
const DIFFERENCE: i64 = 5;

/// Says in the log when `clock` was set, and at the beginning whether it is that of the database.
pub(super) async fn watch_clock(clock: Arc<SteadyClock>, database: Database, stop: CancellationToken) {
    let watch = async {
        compare(&clock, &database).await;
        loop {
            if let Some(jump) = clock.look() {
                report(jump, clock.behind());
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    stop.run_until_cancelled(watch).await;
}

fn report(ClockJump { to, seconds }: ClockJump, behind: i64) {
    let direction = if seconds < 0 { "back" } else { "forward" };
    metrics::counter!("careconnect_clock_jumps_total", "direction" => direction).increment(1);
    tracing::error!(
        event = "clock_jumped", seconds, %to, behind,
        "the machine's clock was set; the server's time never goes back, and waits for a clock that is behind it"
    );
}

async fn compare(clock: &SteadyClock, database: &Database) {
    let Ok(Some(of_database)) = database.clock().await else { return };
    let ahead = clock.now().since(of_database);
    if ahead.abs() > DIFFERENCE {
        tracing::error!(event = "clock_differs", ahead, "this machine's clock is not that of the database");
    }
}

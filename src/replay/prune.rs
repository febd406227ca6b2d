//! Deletes what has ended.

use std::{sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::ReplayStore;
use crate::{
    clock::{Clock, UnixTime},
    storage::StorageError,
};

/// How often.
const EVERY: Duration = Duration::from_secs(60);

/// How many at once: a few milliseconds, for which those who record wait on SQLite.
const BATCH: u32 = 1_000;

/// How much later than the assertion the record goes, in seconds: to a node whose clock is behind ours, the assertion has
/// not ended.
const MARGIN: i64 = 300;

impl ReplayStore {
    /// Prunes every minute until `stop`; after an outage of the database, the next minute does it.
    pub async fn prune(self: Arc<Self>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut worked = true;
        let work = async {
            loop {
                ticks.tick().await;
                let outcome = self.prune_once(clock.now()).await;
                if let (true, Err(error)) = (worked, &outcome) {
                    tracing::warn!(%error, "used assertions that have ended cannot be deleted");
                }
                worked = outcome.is_ok();
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Deletes what has ended at `now`; gives how many.
    pub async fn prune_once(&self, now: UnixTime) -> Result<u64, StorageError> {
        let mut pruned = 0;
        loop {
            let batch = self.database.prune_assertion_ids(now.plus(-MARGIN), BATCH).await?;
            pruned += batch;
            if batch < u64::from(BATCH) {
                return Ok(pruned);
            }
        }
    }
}

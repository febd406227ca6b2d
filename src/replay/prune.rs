//! Deletes what has ended, whatever a clock says that was set wrong.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::ReplayStore;
use crate::{
    clock::{Clock, UnixTime},
    storage::StorageError,
};

/// How often.
const EVERY: Duration = Duration::from_secs(60);

/// For how many minutes, by the monotonic clock, an assertion must have ended: no assertion lives so long, leeways included,
/// so that one which was used before this node's clock was set forward has really ended by then.
const MINUTES: usize = 11;

/// How many at once: a few milliseconds, for which those who record wait on SQLite.
const BATCH: u32 = 1_000;

/// How much later than the assertion the record goes by the database's clock, in seconds: to a node whose clock is behind
/// that, the assertion has not ended.
const MARGIN: i64 = 300;

impl ReplayStore {
    /// Prunes every minute until `stop`; after an outage of the database, the next minute does it.
    pub async fn prune(self: Arc<Self>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut worked, mut readings) = (true, Readings::default());
        let work = async {
            loop {
                ticks.tick().await;
                let outcome = match readings.add(clock.now()) {
                    Some(long_ago) => self.prune_once(long_ago).await.map(drop),
                    None => self.remember().await,
                };
                if let (true, Err(error)) = (worked, &outcome) {
                    tracing::warn!(%error, "used assertions that have ended cannot be deleted");
                }
                worked = outcome.is_ok();
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Deletes what had ended at `long_ago`, if it has by the database's clock, too; gives how many.
    pub async fn prune_once(&self, long_ago: UnixTime) -> Result<u64, StorageError> {
        let of_database = self.database.clock().await?;
        let cutoff = of_database.map_or(long_ago, |now| long_ago.min(now.plus(-MARGIN)));
        self.database.forget_assertions(cutoff).await?;
        let mut pruned = 0;
        loop {
            let batch = self.database.prune_assertion_ids(cutoff, BATCH).await?;
            pruned += batch;
            if batch < u64::from(BATCH) {
                break;
            }
        }
        self.remember().await.map(|()| pruned)
    }

    /// Learns what has been deleted on any node; due before the first assertion is recorded.
    pub async fn remember(&self) -> Result<(), StorageError> {
        let forgotten = self.database.forgotten_assertions().await?;
        self.forgotten.fetch_max(forgotten.0, Ordering::AcqRel);
        Ok(())
    }
}

/// What the clock showed, minute by minute.
#[derive(Default)]
struct Readings(VecDeque<UnixTime>);

impl Readings {
    /// Adds that of this minute; gives that of long ago, when there is one.
    fn add(&mut self, now: UnixTime) -> Option<UnixTime> {
        self.0.push_back(now);
        (self.0.len() > MINUTES).then(|| self.0.pop_front()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R21
    #[test]
    fn a_clock_that_is_set_forward_has_nothing_deleted_before_it_has_really_ended() {
        let (mut readings, start) = (Readings::default(), UnixTime(1_800_000_000));
        let minute = |number: i64| start.plus(60 * number);
        assert!((0..11).all(|number| readings.add(minute(number)).is_none()));
        for number in 11..22 {
            let jumped = minute(number).plus(86_400);
            assert_eq!(readings.add(jumped), Some(minute(number - 11)), "as before the jump");
        }
        assert_eq!(readings.add(minute(22).plus(86_400)), Some(minute(11).plus(86_400)));
    }
}

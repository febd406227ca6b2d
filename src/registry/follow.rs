//! How the register keeps up with the database, whoever writes to it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Registry, snapshot::Snapshot};
use crate::storage::StorageError;

impl Registry {
    /// Looks for changes every `interval` until `stop`; goes on through outages of the database, which are logged when
    /// they begin and when they end.
    pub async fn follow(self: Arc<Self>, interval: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reached = true;
        loop {
            let look = async {
                ticks.tick().await;
                self.catch_up(reached).await
            };
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = look => outcome,
            };
            match outcome {
                Ok(()) if reached => {}
                Ok(()) => {
                    reached = true;
                    tracing::info!(revision = self.revision(), "the database is back; the register agrees with it");
                }
                Err(error) if reached => {
                    reached = false;
                    tracing::error!(%error, "the database cannot be read; the register stays as it was");
                }
                Err(_) => {}
            }
        }
    }

    /// Looks once. Unless it is `continuous`, as after an outage, everything is read anew as well: a database that comes back may be a restored one,
    /// whose revisions say nothing about ours.
    pub async fn catch_up(&self, continuous: bool) -> Result<(), StorageError> {
        let _alone = self.catching_up.lock().await;
        let (now, held) = (self.clock.now(), self.revision());
        let current = self.database.revision().await?;
        if current > held {
            let changes = self.database.changes_since(held).await?;
            let next = self.snapshot.load().with(changes);
            self.replace(next, "the register has changed");
        }
        if current < held || !continuous {
            self.replace(Snapshot::of(self.database.load_all().await?), "the register was read anew");
        }
        if let Some(next) = self.snapshot.load().without_ended(now) {
            self.snapshot.store(Arc::new(next));
        }
        self.synced_at.store(now.0, Ordering::Release);
        Ok(())
    }

    fn replace(&self, next: Snapshot, event: &str) {
        next.report(event);
        self.snapshot.store(Arc::new(next));
    }
}

impl Snapshot {
    pub(super) fn report(&self, event: &str) {
        let (consumers, providers) = self.counts();
        tracing::info!(revision = self.revision, consumers, providers, groups = self.groups.len(), "{event}");
    }
}

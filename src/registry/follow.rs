//! How the register keeps up with the database, whoever writes to it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{Registry, snapshot::Snapshot};
use crate::storage::StorageError;

/// How long to wait for those who look before.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long after the connection that told of changes was lost another one is tried.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

impl Registry {
    /// Looks for changes until `stop`: at once where the database tells of them, and every `interval`. Goes on through
    /// outages of the database, which are logged when they begin and when they end.
    pub async fn follow(self: Arc<Self>, interval: Duration, stop: CancellationToken) {
        let heard = Notify::new();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.look(interval, &heard) => {}
            () = self.listen(&heard) => {}
        }
        metrics::gauge!("careconnect_registry_listening").set(0.0);
    }

    async fn listen(&self, heard: &Notify) {
        metrics::gauge!("careconnect_registry_listening").set(0.0);
        loop {
            let hear = || {
                metrics::gauge!("careconnect_registry_listening").set(1.0);
                heard.notify_one();
            };
            let error = self.database.listen(hear).await;
            metrics::gauge!("careconnect_registry_listening").set(0.0);
            tracing::debug!(%error, "the database does not tell of changes; it is asked for them");
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    }

    async fn look(&self, interval: Duration, heard: &Notify) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reached = true;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = heard.notified() => {}
            }
            match self.catch_up(reached).await {
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
        let alone = tokio::time::timeout(PATIENCE, self.catching_up.lock()).await;
        let _alone = alone.map_err(|_| StorageError::Unavailable("others wait for it, too".to_owned()))?;
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
        let revision = next.revision;
        self.snapshot.store(Arc::new(next));
        self.revisions.send_replace(revision);
    }
}

impl Snapshot {
    pub(super) fn report(&self, event: &str) {
        let (consumers, providers) = self.counts();
        tracing::info!(revision = self.revision, consumers, providers, groups = self.groups.len(), "{event}");
    }
}

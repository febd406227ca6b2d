//! What a cache of remote keys is made of.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    RemoteKeys,
    cache::{Cache, Schedule},
    snapshot::Snapshot,
};
use crate::{
    clock::Clock,
    https::{HttpsOptions, RemoteError, https_options},
};

/// Options of [`RemoteKeys`], each at a default that suits a provider in production.
#[derive(Debug)]
#[must_use = "call build()"]
pub struct RemoteKeysBuilder {
    https: HttpsOptions,
    schedule: Schedule,
    snapshot: Option<PathBuf>,
    clock: Clock,
}

impl RemoteKeysBuilder {
    pub(super) fn new(url: String) -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            https: HttpsOptions::new(url),
            schedule: Schedule {
                refresh_after: minutes(5),
                serve_stale_for: minutes(24 * 60),
                cooldown: Duration::from_secs(30),
            },
            snapshot: None,
            clock: Clock::default(),
        }
    }

    https_options!();

    /// Fetches the keys again once they are this old; sooner when the issuer's `Cache-Control` says so. Default: 5 minutes;
    /// at least a second.
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.schedule.refresh_after = age;
        self
    }

    /// Uses keys up to this age while the issuer does not answer; in any case for `refresh_after`. Default: 24 hours.
    pub fn serve_stale_for(mut self, age: Duration) -> Self {
        self.schedule.serve_stale_for = age;
        self
    }

    /// After a fetch, does not fetch again for an unknown key before this time has passed. Default: 30 seconds; at least a
    /// second.
    pub fn cooldown(mut self, pause: Duration) -> Self {
        self.schedule.cooldown = pause;
        self
    }

    /// Keeps the keys in this file as well, so that a provider that starts while the issuer is away uses them for what is
    /// left of `serve_stale_for`. Its directory must exist. Whoever can write the file decides which keys count, and so who
    /// gets in: on Unix it is made for this user alone (mode 0600), and not believed when its group or others can write it,
    /// or when it is neither this user's nor root's. Nor is it when it is broken, too old, from the future or of another
    /// URL; the log says so.
    pub fn snapshot(mut self, path: impl Into<PathBuf>) -> Self {
        self.snapshot = Some(path.into());
        self
    }

    /// Takes the time of snapshots, in Unix seconds, from `clock` instead of the system's.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(clock);
        self
    }

    /// The keys, not fetched yet: a provider starts while its issuer is away.
    pub fn build(self) -> Result<RemoteKeys, RemoteError> {
        let fetcher = self.https.fetcher()?;
        RemoteError::unless_long_enough("a cooldown", self.schedule.cooldown)?;
        RemoteError::unless_long_enough("a refresh_after", self.schedule.refresh_after)?;
        let snapshot = self.snapshot.map(Snapshot::at);
        Ok(RemoteKeys(Arc::new(Cache::new(fetcher, self.schedule, snapshot, self.clock))))
    }
}

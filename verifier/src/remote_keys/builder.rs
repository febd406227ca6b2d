//! What a cache of remote keys is made of.

use std::time::Duration;

use super::{RemoteKeys, Schedule};
use crate::https::{HttpsOptions, RemoteError, https_options};

/// Options of [`RemoteKeys`], each at a default that suits a provider in production.
#[derive(Debug)]
#[must_use = "call build()"]
pub struct RemoteKeysBuilder {
    https: HttpsOptions,
    schedule: Schedule,
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

    /// The keys, not fetched yet: a provider starts while its issuer is away.
    pub fn build(self) -> Result<RemoteKeys, RemoteError> {
        let fetcher = self.https.fetcher()?;
        RemoteError::unless_long_enough("a cooldown", self.schedule.cooldown)?;
        RemoteError::unless_long_enough("a refresh_after", self.schedule.refresh_after)?;
        Ok(RemoteKeys::new(fetcher, self.schedule))
    }
}

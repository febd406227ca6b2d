//! The issuer's keys, fetched over HTTPS and kept: a verification almost never waits for the network.
//!
//! | age of the keys | what a verification does |
//! |---|---|
//! | up to `refresh_after` | uses them |
//! | up to three times that | uses them, and has them fetched again in the background |
//! | up to `serve_stale_for` | waits for a fetch; uses them as they are if the issuer does not answer |
//! | beyond | refuses |
//!
//! A token that names an unknown key causes one fetch, then none for `cooldown`, however many such tokens come. Tokens of
//! known keys are never held up by that. The ids that are unknown need not be remembered: to look for one in the set costs
//! no more than it would in a list of them, and such a list would have to be bounded against those who make ids up.
//!
//! A snapshot on disk, if there is one, stands in for the first fetch when that fails.

mod builder;
mod cache;
mod fetch;
mod snapshot;

use std::{fmt, sync::Arc, time::Duration};

pub use builder::RemoteKeysBuilder;

use crate::{BoxFuture, KeySet, KeySource, KeyState, KeysUnavailable};

use cache::Cache;

/// While there are no keys at all, how soon the issuer may be asked again.
const EMPTY_HANDED_RETRY: Duration = Duration::from_secs(1);

/// Keys that follow the issuer's JWKS. Clones share one cache. Needs a tokio runtime.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Cache>);

impl RemoteKeys {
    /// Begins to follow the key set at `url`: the issuer's `jwks_uri`, `{issuer}/.well-known/jwks.json`.
    pub fn from_url(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(url.into())
    }

    /// How old the keys are, and how long they will do. Asks nobody.
    pub fn state(&self) -> KeyState {
        self.0.state()
    }

    /// Fetches the keys now, so that a provider can do it before its first request. Not needed, and no error is final.
    pub async fn prefetch(&self) -> Result<(), KeysUnavailable> {
        self.refreshed().await.map(|_| ())
    }
}

impl KeySource for RemoteKeys {
    fn current(&self) -> Option<Arc<KeySet>> {
        let fetched = self.0.fetched.load();
        fetched.as_ref().filter(|fetched| self.0.may_serve(fetched)).map(|fetched| Arc::clone(&fetched.keys))
    }

    fn read_current(&self, reader: &mut dyn FnMut(Option<&KeySet>)) {
        let fetched = self.0.fetched.load();
        reader(fetched.as_ref().filter(|fetched| self.0.may_serve(fetched)).map(|fetched| fetched.keys.as_ref()));
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<Arc<KeySet>, KeysUnavailable>> {
        Box::pin(async {
            let cooldown = if self.0.usable().is_some() { self.0.schedule.cooldown } else { EMPTY_HANDED_RETRY };
            if let Some(mut in_flight) = self.0.begin_fetch(cooldown) {
                let _ = in_flight.changed().await; // an error says that the sender is gone: the fetch has ended
            }
            self.0.usable().ok_or_else(|| self.0.unavailable())
        })
    }

    fn state(&self) -> Option<KeyState> {
        Some(Self::state(self))
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("url", &self.0.fetcher.url())
            .field("schedule", &self.0.schedule)
            .finish_non_exhaustive()
    }
}

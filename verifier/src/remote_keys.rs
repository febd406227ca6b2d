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
//! known keys are never held up by that.

mod builder;
mod fetch;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{runtime::Handle, sync::watch, time::Instant};

pub use builder::RemoteKeysBuilder;

use crate::{BoxFuture, KeySet, KeySource, KeysUnavailable, https::Fetcher};

use fetch::fetch_keys;

/// While there are no keys at all, how soon the issuer may be asked again.
const EMPTY_HANDED_RETRY: Duration = Duration::from_secs(1);

/// Keys that follow the issuer's JWKS. Clones share one cache. Needs a tokio runtime.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Cache>);

struct Cache {
    fetcher: Fetcher,
    schedule: Schedule,
    fetched: ArcSwapOption<Fetched>,
    attempts: Mutex<Attempts>,
}

/// How old keys may become, and how often the issuer may be asked.
#[derive(Debug, Clone)]
struct Schedule {
    refresh_after: Duration,
    serve_stale_for: Duration,
    cooldown: Duration,
}

struct Fetched {
    keys: Arc<KeySet>,
    at: Instant,
    /// `refresh_after`, or less when the issuer says so.
    refresh_after: Duration,
}

#[derive(Default)]
struct Attempts {
    /// Closed when the fetch that is under way has ended.
    in_flight: Option<watch::Receiver<()>>,
    last_began: Option<Instant>,
    /// What the last attempt met, until one succeeds.
    failure: Option<String>,
}

impl RemoteKeys {
    /// Begins to follow the key set at `url`: the issuer's `jwks_uri`, `{issuer}/.well-known/jwks.json`.
    pub fn from_url(url: impl Into<String>) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(url.into())
    }

    fn new(fetcher: Fetcher, schedule: Schedule) -> Self {
        let (fetched, attempts) = (ArcSwapOption::empty(), Mutex::default());
        Self(Arc::new(Cache { fetcher, schedule, fetched, attempts }))
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
}

impl Cache {
    /// Whether these keys may be used without waiting. Has them fetched again when it is time to.
    fn may_serve(self: &Arc<Self>, fetched: &Fetched) -> bool {
        let age = fetched.at.elapsed();
        if age < fetched.refresh_after {
            return true;
        }
        let _ = self.begin_fetch(self.schedule.cooldown.min(fetched.refresh_after));
        age < fetched.refresh_after.saturating_mul(3) || age < self.schedule.serve_stale_for && self.is_failing()
    }

    /// Joins the fetch that is under way, or begins one unless the last began less than `cooldown` ago. The fetch runs
    /// in a task of its own: a caller that hangs up neither cancels it for the others nor burns their cooldown.
    fn begin_fetch(self: &Arc<Self>, cooldown: Duration) -> Option<watch::Receiver<()>> {
        let runtime = Handle::try_current().ok()?;
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(in_flight) = attempts.in_flight.as_ref().filter(|in_flight| in_flight.has_changed().is_ok()) {
            return Some(in_flight.clone());
        }
        if attempts.last_began.is_some_and(|began| began.elapsed() < cooldown) {
            return None;
        }
        let (ended, in_flight) = watch::channel(());
        attempts.last_began = Some(Instant::now());
        attempts.in_flight = Some(in_flight.clone());
        drop(attempts);
        let cache = Arc::clone(self);
        runtime.spawn(async move {
            cache.fetch().await;
            drop(ended);
        });
        Some(in_flight)
    }

    async fn fetch(&self) {
        let failure = match fetch_keys(&self.fetcher).await {
            Ok((keys, lifetime)) => {
                self.store(keys, lifetime);
                None
            }
            Err(error) => {
                tracing::warn!(url = self.fetcher.url(), %error, "the issuer's keys could not be fetched");
                Some(error.to_string())
            }
        };
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).failure = failure;
    }

    fn store(&self, keys: KeySet, lifetime: Option<Duration>) {
        for (key_id, problem) in keys.unusable() {
            tracing::warn!(url = self.fetcher.url(), key_id, %problem, "the issuer publishes a key that is not used");
        }
        tracing::debug!(url = self.fetcher.url(), keys = keys.key_ids().count(), "fetched the issuer's keys");
        let longest = self.schedule.refresh_after;
        let refresh_after = lifetime.map_or(longest, |lifetime| lifetime.max(self.schedule.cooldown).min(longest));
        self.fetched.store(Some(Arc::new(Fetched { keys: Arc::new(keys), at: Instant::now(), refresh_after })));
    }

    /// The keys, however stale they may be served.
    fn usable(&self) -> Option<Arc<KeySet>> {
        let fetched = self.fetched.load();
        let fetched = fetched.as_ref()?;
        let longest = self.schedule.serve_stale_for.max(fetched.refresh_after);
        (fetched.at.elapsed() < longest).then(|| Arc::clone(&fetched.keys))
    }

    fn is_failing(&self) -> bool {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).failure.is_some()
    }

    fn unavailable(&self) -> KeysUnavailable {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        KeysUnavailable(attempts.failure.clone().unwrap_or_else(|| "not fetched; is there a tokio runtime?".to_owned()))
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

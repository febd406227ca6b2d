//! The keys that are here, and the one fetch that may be under way.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{runtime::Handle, sync::watch, time::Instant};

use super::{
    fetch::{NoKeys, Published, fetch_keys},
    snapshot::Snapshot,
};
use crate::{KeyOrigin, KeySet, KeyState, KeysUnavailable, clock::Clock, https::Fetcher, meters};

pub(super) struct Cache {
    pub(super) fetcher: Fetcher,
    pub(super) schedule: Schedule,
    snapshot: Option<Arc<Snapshot>>,
    clock: Clock,
    pub(super) fetched: ArcSwapOption<Fetched>,
    attempts: Mutex<Attempts>,
}

/// How old keys may become, and how often the issuer may be asked.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) refresh_after: Duration,
    pub(super) serve_stale_for: Duration,
    pub(super) cooldown: Duration,
}

pub(super) struct Fetched {
    pub(super) keys: Arc<KeySet>,
    origin: KeyOrigin,
    /// Since when they are here, and how old they were then.
    at: Instant,
    age_then: Duration,
    /// `refresh_after`, or less when the issuer says so.
    pub(super) refresh_after: Duration,
}

impl Fetched {
    fn age(&self) -> Duration {
        self.age_then.saturating_add(self.at.elapsed())
    }
}

#[derive(Default)]
pub(super) struct Attempts {
    /// Closed when the fetch that is under way has ended.
    in_flight: Option<watch::Receiver<()>>,
    last_began: Option<Instant>,
    /// What the last attempt met, until one succeeds.
    failure: Option<String>,
}

impl Attempts {
    fn under_way(&self) -> Option<&watch::Receiver<()>> {
        self.in_flight.as_ref().filter(|in_flight| in_flight.has_changed().is_ok())
    }
}

impl Cache {
    pub(super) fn new(fetcher: Fetcher, schedule: Schedule, snapshot: Option<Snapshot>, clock: Clock) -> Self {
        let (fetched, attempts) = (ArcSwapOption::empty(), Mutex::default());
        Self { fetcher, schedule, snapshot: snapshot.map(Arc::new), clock, fetched, attempts }
    }

    pub(super) fn state(&self) -> KeyState {
        let fetched = self.fetched.load();
        let age = fetched.as_ref().map(|fetched| fetched.age());
        let longest = fetched.as_ref().map_or(Duration::ZERO, |fetched| self.longest(fetched));
        let attempts = self.attempts();
        KeyState {
            age,
            origin: fetched.as_ref().map(|fetched| fetched.origin),
            remaining: longest.saturating_sub(age.unwrap_or_default()),
            failure: attempts.failure.clone(),
            is_fetching: attempts.under_way().is_some(),
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these keys may be used without waiting. Has them fetched again when it is time to.
    pub(super) fn may_serve(self: &Arc<Self>, fetched: &Fetched) -> bool {
        let age = fetched.age();
        if age < fetched.refresh_after {
            return true;
        }
        let _ = self.begin_fetch(self.schedule.cooldown.min(fetched.refresh_after));
        age < fetched.refresh_after.saturating_mul(3) || age < self.schedule.serve_stale_for && self.is_failing()
    }

    /// Joins the fetch that is under way, or begins one unless the last began less than `cooldown` ago. The fetch runs
    /// in a task of its own: a caller that hangs up neither cancels it for the others nor burns their cooldown.
    pub(super) fn begin_fetch(self: &Arc<Self>, cooldown: Duration) -> Option<watch::Receiver<()>> {
        let runtime = Handle::try_current().ok()?;
        let mut attempts = self.attempts();
        if let Some(in_flight) = attempts.under_way() {
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
            let jwks = cache.fetch().await;
            drop(ended); // nobody waits for the disk
            if let (Some(jwks), Some(snapshot)) = (jwks, &cache.snapshot) {
                snapshot.clone().write(cache.fetcher.url().to_owned(), cache.clock.now(), jwks).await;
            }
        });
        Some(in_flight)
    }

    /// Gives the key set as it came.
    async fn fetch(&self) -> Option<Vec<u8>> {
        let outcome = fetch_keys(&self.fetcher).await;
        meters::fetched("keys", &outcome);
        match outcome {
            Ok(Published { keys, jwks, lifetime }) => {
                self.keep_fetched(keys, lifetime);
                self.attempts().failure = None;
                Some(jwks)
            }
            Err(error) => {
                tracing::warn!(url = self.fetcher.url(), %error, "the issuer's keys could not be fetched");
                let failure = match &self.snapshot {
                    Some(snapshot) if self.fetched.load().is_none() => self.fall_back(snapshot, &error).await,
                    _ => error.to_string(),
                };
                self.attempts().failure = Some(failure);
                None
            }
        }
    }

    fn keep_fetched(&self, keys: KeySet, lifetime: Option<Duration>) {
        for (key_id, problem) in keys.unusable() {
            tracing::warn!(url = self.fetcher.url(), key_id, %problem, "the issuer publishes a key that is not used");
        }
        tracing::debug!(url = self.fetcher.url(), keys = keys.key_ids().count(), "fetched the issuer's keys");
        let longest = self.schedule.refresh_after;
        let refresh_after = lifetime.map_or(longest, |lifetime| lifetime.max(self.schedule.cooldown).min(longest));
        self.keep(keys, KeyOrigin::Issuer, Duration::ZERO, refresh_after);
    }

    /// Uses the snapshot, if it is to be believed. Gives all that went wrong.
    async fn fall_back(&self, snapshot: &Arc<Snapshot>, error: &NoKeys) -> String {
        let url = self.fetcher.url();
        let budget = self.schedule.serve_stale_for;
        match snapshot.clone().read(url.to_owned(), self.clock.now(), budget).await {
            Ok((keys, _)) if keys.key_ids().next().is_none() => {
                format!("{error}; the snapshot has no key that can be used")
            }
            Ok((keys, age)) => {
                tracing::warn!(url, path = ?snapshot.path(), ?age, "the issuer's keys are those of the snapshot");
                let refresh_after = self.schedule.cooldown.min(self.schedule.refresh_after);
                self.keep(keys, KeyOrigin::Snapshot, age, refresh_after);
                error.to_string()
            }
            Err(reason) => {
                tracing::warn!(url, path = ?snapshot.path(), %reason, "the snapshot of the issuer's keys is not used");
                format!("{error}; the snapshot is not used: {reason}")
            }
        }
    }

    fn keep(&self, keys: KeySet, origin: KeyOrigin, age_then: Duration, refresh_after: Duration) {
        let age = i64::try_from(age_then.as_secs()).unwrap_or(i64::MAX);
        meters::keys_are_of(self.fetcher.url(), self.clock.now().saturating_sub(age));
        let (keys, at) = (Arc::new(keys), Instant::now());
        self.fetched.store(Some(Arc::new(Fetched { keys, origin, at, age_then, refresh_after })));
    }

    /// The keys, however stale they may be served.
    pub(super) fn usable(&self) -> Option<Arc<KeySet>> {
        let fetched = self.fetched.load();
        fetched
            .as_ref()
            .filter(|fetched| fetched.age() < self.longest(fetched))
            .map(|fetched| Arc::clone(&fetched.keys))
    }

    /// How old these keys may become.
    fn longest(&self, fetched: &Fetched) -> Duration {
        self.schedule.serve_stale_for.max(fetched.refresh_after)
    }

    fn is_failing(&self) -> bool {
        self.attempts().failure.is_some()
    }

    pub(super) fn unavailable(&self) -> KeysUnavailable {
        let failure = self.attempts().failure.clone();
        let failure = failure.unwrap_or_else(|| "not fetched; is there a tokio runtime?".to_owned());
        KeysUnavailable(match self.fetched.load().as_ref() {
            Some(fetched) => {
                let (age, longest) = (fetched.age().as_secs(), self.longest(fetched).as_secs());
                format!("those at hand are {age} s old, and may serve for {longest} s; {failure}")
            }
            None => failure,
        })
    }
}

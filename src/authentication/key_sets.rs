//! The keys that consumers publish at a `jwks_uri`: fetched beside the token requests, never by them.
//!
//! ```text
//! follow.rs     which addresses are registered, and which of them are due → fetch.rs: HTTPS, within limits
//! schedule.rs   when the next fetch is due                                  addresses.rs: and only to where it may
//!                                                                           (domain/key_set_address.rs)
//! parse.rs      a JWK set → keys, and those that are set aside
//! ```

mod addresses;
mod fetch;
mod follow;
mod parse;
mod schedule;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::{ArcSwap, ArcSwapOption};

pub use self::{
    fetch::AuthorityFileError,
    follow::RegisteredKeySets,
    parse::{KeySetContents, SetAsideKey},
};
use self::{fetch::Fetcher, schedule::Schedule};
use crate::{
    clock::{Clock, UnixTime},
    config,
    domain::KeySetUri,
};

/// All registered key sets, as they were last fetched. Reading waits for nobody.
pub struct KeySets {
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    /// Seconds from one successful fetch to the next.
    refresh_after: i64,
    /// How old keys may become that cannot be fetched again, in seconds.
    max_staleness: i64,
    sets: ArcSwap<HashMap<KeySetUri, Arc<KeySet>>>,
}

/// One key set with all that is known of it.
struct KeySet {
    uri: KeySetUri,
    fetched: ArcSwapOption<FetchedKeys>,
    attempts: Mutex<Attempts>,
}

struct Attempts {
    schedule: Schedule,
    /// Why the last attempt failed, if it did.
    error: Option<String>,
}

/// What was at the address.
#[derive(Debug, Clone)]
pub struct FetchedKeys {
    /// The keys, and those that cannot be used.
    pub contents: KeySetContents,
    /// When.
    pub fetched_at: UnixTime,
}

/// Why there are no keys. For the log and the operator: the sentence may tell addresses of our own network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKeys {
    /// None have been fetched yet.
    #[error("the key set at {uri} has not been fetched yet: {}", error.as_deref().unwrap_or("it will be at once"))]
    NotFetched {
        /// Where they should be.
        uri: KeySetUri,
        /// Why the last attempt failed, if there was one.
        error: Option<String>,
    },
    /// The last ones are too old to be relied on.
    #[error("the key set at {uri} was last fetched at {fetched_at}, too long ago: {}", error.as_deref().unwrap_or("unknown"))]
    TooOld {
        /// Where they should be.
        uri: KeySetUri,
        /// When they were fetched.
        fetched_at: UnixTime,
        /// Why the last attempt failed.
        error: Option<String>,
    },
}

/// One key set, for operators.
#[derive(Debug, Clone)]
pub struct KeySetState {
    /// Where it is.
    pub uri: KeySetUri,
    /// What was there at the last successful fetch.
    pub fetched: Option<Arc<FetchedKeys>>,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
    /// When it is fetched next.
    pub due_at: UnixTime,
}

impl KeySets {
    /// With nothing fetched yet. Reads the files of authorities that the configuration names.
    pub fn open(section: &config::Assertions, clock: Arc<dyn Clock>) -> Result<Self, AuthorityFileError> {
        let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let refresh_after = seconds(section.jwks_refresh_seconds.duration());
        Ok(Self {
            fetcher: Fetcher::new(&section.jwks_ca_files, section.allow_private_jwks_addresses)?,
            clock,
            refresh_after,
            max_staleness: seconds(section.jwks_max_staleness_seconds.duration()).max(2 * refresh_after),
            sets: ArcSwap::default(),
        })
    }

    /// The keys at `uri`, as they were last fetched.
    pub fn keys(&self, uri: &KeySetUri, now: UnixTime) -> Result<Arc<FetchedKeys>, NoKeys> {
        let set = self.sets.load().get(uri).cloned();
        let error = || set.as_ref().and_then(|set| set.attempts().error.clone());
        match set.as_ref().and_then(|set| set.fetched.load_full()) {
            Some(fetched) if now.since(fetched.fetched_at) <= self.max_staleness => Ok(fetched),
            Some(fetched) => Err(NoKeys::TooOld { uri: uri.clone(), fetched_at: fetched.fetched_at, error: error() }),
            None => Err(NoKeys::NotFetched { uri: uri.clone(), error: error() }),
        }
    }

    /// Says that an assertion names a key that is not in the set at `uri`, or that there are no keys: the set is fetched
    /// again soon, but not more often than every 30 seconds however often this is said (R41).
    pub fn note_unknown_key(&self, uri: &KeySetUri) {
        if let Some(set) = self.sets.load().get(uri) {
            set.attempts().schedule.hasten();
        }
    }

    /// The sets that have not been fetched in the time for two fetches, and when the keys that they had count no more.
    pub fn stale(&self, now: UnixTime) -> Vec<(KeySetUri, UnixTime)> {
        let fetched = self.state().into_iter().filter_map(|state| Some((state.uri, state.fetched?.fetched_at)));
        let stale = fetched.filter(|(_, at)| now.since(*at) > 2 * self.refresh_after);
        stale.map(|(uri, at)| (uri, at.plus(self.max_staleness))).collect()
    }

    /// What is known of each set, in the order of the addresses.
    pub fn state(&self) -> Vec<KeySetState> {
        let mut states: Vec<_> = self.sets.load().values().map(|set| set.state()).collect();
        states.sort_by(|one, other| one.uri.as_str().cmp(other.uri.as_str()));
        states
    }
}

impl KeySet {
    fn new(uri: KeySetUri, now: UnixTime) -> Self {
        let attempts = Attempts { schedule: Schedule::due_at(now), error: None };
        Self { uri, fetched: ArcSwapOption::empty(), attempts: Mutex::new(attempts) }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> KeySetState {
        let attempts = self.attempts();
        KeySetState {
            uri: self.uri.clone(),
            fetched: self.fetched.load_full(),
            error: attempts.error.clone(),
            due_at: attempts.schedule.next(),
        }
    }
}

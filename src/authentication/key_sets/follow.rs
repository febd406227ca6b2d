//! Keeps every registered key set fresh, beside the token requests.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{FetchedKeys, KeySet, KeySetContents, KeySets, fetch::FetchError};
use crate::{blocking::blocking, clock::UnixTime, domain::KeySetUri};

/// How often it is seen which sets are due.
const TICK: Duration = Duration::from_millis(250);

/// Seconds after which the register is looked through again although it has not changed: credentials begin and end.
const LOOK_AGAIN_AFTER: i64 = 60;

/// Fetches at the same time.
const AT_ONCE: usize = 8;

/// Who knows which key sets are registered.
pub trait RegisteredKeySets: Send + Sync + 'static {
    /// Changes when the register does.
    fn revision(&self) -> i64;

    /// Where active consumers publish keys at `now`; may take milliseconds.
    fn uris(&self, now: UnixTime) -> Vec<KeySetUri>;
}

impl KeySets {
    /// Fetches what is new at once and the rest when it is due, until `stop`; forgets what is registered no longer.
    pub async fn follow(self: Arc<Self>, registered: Arc<dyn RegisteredKeySets>, stop: CancellationToken) {
        let mut looked = None;
        let mut fetches = JoinSet::new();
        let work = async {
            loop {
                self.look_through(&registered, &mut looked).await;
                self.begin_due(&mut fetches);
                self.write_gauges();
                tokio::time::sleep(TICK).await;
                while let Some(ended) = fetches.try_join_next() {
                    if let Err(failure) = ended {
                        tracing::error!(event = "task_failed", task = "key set", %failure, "a fetch failed by a bug of ours");
                    }
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Fetches the sets at `uris` once, and now: for those who follow nothing, with a clock that stands still.
    pub async fn fetch_once(self: &Arc<Self>, uris: impl IntoIterator<Item = KeySetUri>) {
        self.hold(uris, self.clock.now());
        let mut fetches = JoinSet::new();
        loop {
            self.begin_due(&mut fetches);
            if fetches.join_next().await.is_none() {
                return;
            }
        }
    }

    /// Sees which sets are registered, when that may have changed since it `looked`.
    async fn look_through(&self, registered: &Arc<dyn RegisteredKeySets>, looked: &mut Option<(i64, UnixTime)>) {
        let (revision, now) = (registered.revision(), self.clock.now());
        if looked.is_some_and(|(seen, at)| seen == revision && (0..LOOK_AGAIN_AFTER).contains(&now.since(at))) {
            return;
        }
        let register = registered.clone();
        let uris = blocking(move || register.uris(now)).await;
        self.hold(uris, now);
        *looked = Some((revision, now));
    }

    /// Holds these sets and no others; what is known of them stays.
    fn hold(&self, uris: impl IntoIterator<Item = KeySetUri>, now: UnixTime) {
        let known = self.sets.load_full();
        let mut sets = HashMap::new();
        for uri in uris {
            let set = || known.get(&uri).cloned().unwrap_or_else(|| Arc::new(KeySet::new(uri.clone(), now)));
            sets.entry(uri.clone()).or_insert_with(set);
        }
        self.sets.store(Arc::new(sets));
    }

    /// Begins the fetches that are due, those first that have waited longest.
    fn begin_due(self: &Arc<Self>, fetches: &mut JoinSet<()>) {
        let (now, room) = (self.clock.now(), AT_ONCE.saturating_sub(fetches.len()));
        let sets = self.sets.load();
        let is_due = |set: &&Arc<KeySet>| set.attempts().schedule.is_due(now, self.refresh_after);
        let mut due: Vec<_> = sets.values().filter(is_due).collect();
        due.sort_by_cached_key(|set| set.attempts().schedule.next());
        for set in due.into_iter().take(room) {
            set.attempts().schedule.begin(now);
            let (all, set) = (self.clone(), set.clone());
            fetches.spawn(async move { all.fetch(&set).await });
        }
    }

    async fn fetch(&self, set: &KeySet) {
        let outcome = self.fetcher.fetch(&set.uri).await;
        let now = self.clock.now();
        let outcome_name = if outcome.is_ok() { "fetched" } else { "failed" };
        metrics::counter!("careconnect_key_set_fetches_total", "outcome" => outcome_name).increment(1);
        match outcome {
            Ok(contents) => set.succeeded(contents, now, self.refresh_after),
            Err(error) => set.failed(&error, now, self.refresh_after),
        }
    }

    fn write_gauges(&self) {
        let now = self.clock.now();
        let ages = |set: &Arc<KeySet>| set.fetched.load().as_ref().map(|fetched| now.since(fetched.fetched_at));
        let oldest = self.sets.load().values().filter_map(ages).max().unwrap_or_default();
        metrics::gauge!("careconnect_key_set_age_seconds").set(f64::from(u32::try_from(oldest).unwrap_or_default()));
    }
}

impl KeySet {
    /// What the set holds now replaces what it held: a key that is published no longer counts no longer.
    fn succeeded(&self, contents: KeySetContents, now: UnixTime, refresh_after: i64) {
        let before = self.fetched.load_full();
        let (keys, set_aside) = (contents.keys.len(), contents.set_aside.len());
        if before.is_none_or(|before| before.contents != contents) {
            let uri = self.uri.as_str();
            tracing::info!(uri, keys, set_aside, "a consumer's key set is taken over");
            for key in &contents.set_aside {
                tracing::warn!(
                    uri,
                    key_id = key.key_id,
                    problem = key.problem,
                    "a key of a consumer's set is not used"
                );
            }
        }
        self.fetched.store(Some(Arc::new(FetchedKeys { contents, fetched_at: now })));
        let mut attempts = self.attempts();
        attempts.schedule.succeeded(now, refresh_after);
        if attempts.error.take().is_some() {
            tracing::info!(uri = self.uri.as_str(), "a consumer's key set can be fetched again");
        }
    }

    fn failed(&self, error: &FetchError, now: UnixTime, refresh_after: i64) {
        let mut attempts = self.attempts();
        attempts.schedule.failed(now, refresh_after);
        if attempts.error.replace(error.to_string()).is_none() {
            let uri = self.uri.as_str();
            tracing::warn!(uri, %error, "a consumer's key set cannot be fetched; the keys fetched before stay for now");
        }
    }
}

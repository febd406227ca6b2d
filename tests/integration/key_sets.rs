//! The keys that consumers publish: fetched from a real server, beside everything else.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::http::StatusCode;
use careconnect_auth::{
    authentication::key_sets::{KeySetState, KeySets, NoKeys, RegisteredKeySets},
    clock::{Clock, ManualClock, UnixTime},
    config::Assertions,
    domain::KeySetUri,
    expiries::of_key_sets,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{
    authority::NOW,
    key_host::{KEY, KeyHost, OTHER_KEY},
    log::Log,
    soon::until,
};

const SET: &str = "/jwks.json";

/// Key sets that are followed, until it is dropped.
struct Followed {
    sets: Arc<KeySets>,
    clock: Arc<ManualClock>,
    registered: Arc<Registered>,
    _stop: DropGuard,
}

#[derive(Default)]
struct Registered {
    uris: Mutex<Vec<KeySetUri>>,
    revision: AtomicI64,
}

impl RegisteredKeySets for Registered {
    fn revision(&self) -> i64 {
        self.revision.load(Ordering::SeqCst)
    }

    fn uris(&self, _now: UnixTime) -> Vec<KeySetUri> {
        self.uris.lock().unwrap().clone()
    }
}

impl Registered {
    fn change(&self, change: impl FnOnce(&mut Vec<KeySetUri>)) {
        change(&mut self.uris.lock().unwrap());
        self.revision.fetch_add(1, Ordering::SeqCst);
    }
}

impl Followed {
    /// With what lets them reach `host`.
    fn at(host: &KeyHost) -> Self {
        let jwks_ca_files = vec![host.directory.path().join("ca.pem")];
        Self::with(Assertions { jwks_ca_files, allow_private_jwks_addresses: true, ..Assertions::default() })
    }

    fn with(section: Assertions) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let sets = Arc::new(KeySets::open(&section, clock.clone()).unwrap());
        let (registered, stop) = (Arc::new(Registered::default()), CancellationToken::new());
        tokio::spawn(sets.clone().follow(registered.clone(), stop.clone()));
        Self { sets, clock, registered, _stop: stop.drop_guard() }
    }

    fn register(&self, uri: &KeySetUri) {
        self.registered.change(|uris| uris.push(uri.clone()));
    }

    fn key_ids(&self, uri: &KeySetUri) -> Result<Vec<String>, NoKeys> {
        let fetched = self.sets.keys(uri, self.clock.now())?;
        Ok(fetched.contents.keys.iter().map(|key| key.key_id().unwrap().to_owned()).collect())
    }

    fn state(&self, uri: &KeySetUri) -> Option<KeySetState> {
        self.sets.state().into_iter().find(|state| state.uri == *uri)
    }

    async fn until_keys(&self, uri: &KeySetUri, ids: &[&str]) {
        until(&format!("the keys {ids:?}"), async || self.key_ids(uri).is_ok_and(|found| found == ids)).await;
    }

    async fn until_error(&self, uri: &KeySetUri) -> String {
        let error = || self.state(uri)?.error;
        until("an error", async || error().is_some()).await;
        error().unwrap()
    }

    /// Waits until everything that was due by now has been begun and a set at a new path has been fetched after it.
    async fn until_another_is_fetched(&self, host: &KeyHost, path: &str) {
        host.publish(path, &[key("another")]);
        self.register(&host.uri(path));
        self.until_keys(&host.uri(path), &["another"]).await;
    }
}

fn key(id: &str) -> String {
    format!(r#"{{{KEY},"kid":"{id}"}}"#)
}

#[tokio::test]
async fn keys_are_fetched_when_they_are_registered_again_when_they_are_due_and_forgotten_with_their_registration() {
    let host = KeyHost::start().await;
    let (followed, uri) = (Followed::at(&host), host.uri(SET));
    assert!(matches!(followed.key_ids(&uri), Err(NoKeys::NotFetched { error: None, .. })));
    host.publish(SET, &[key("one")]);
    followed.register(&uri);
    followed.until_keys(&uri, &["one"]).await;

    host.publish(SET, &[key("two")]);
    followed.clock.advance(600);
    followed.until_keys(&uri, &["two"]).await;

    followed.registered.change(Vec::clear);
    until("oblivion", async || followed.state(&uri).is_none()).await;
    assert!(matches!(followed.key_ids(&uri), Err(NoKeys::NotFetched { .. })));
}

// R41
#[tokio::test]
async fn however_many_assertions_name_an_unknown_key_the_set_is_fetched_once_in_thirty_seconds() {
    let host = KeyHost::start().await;
    let (followed, uri) = (Followed::at(&host), host.uri(SET));
    host.publish(SET, &[key("one")]);
    followed.register(&uri);
    followed.until_keys(&uri, &["one"]).await;
    host.publish(SET, &[key("two")]);
    let storm = || (0..1_000).for_each(|_| followed.sets.note_unknown_key(&uri));

    storm();
    followed.until_another_is_fetched(&host, "/2").await;
    assert_eq!(host.asked(SET), 1);

    followed.clock.advance(30);
    followed.until_keys(&uri, &["two"]).await;
    storm();
    followed.until_another_is_fetched(&host, "/3").await;
    assert_eq!(host.asked(SET), 2);
}

// R41
#[tokio::test]
async fn the_last_good_keys_count_during_an_outage_for_a_set_time_and_it_is_logged_once() {
    let (host, log) = (KeyHost::start().await, Log::capture());
    let (followed, uri) = (Followed::at(&host), host.uri(SET));
    host.publish(SET, &[key("one")]);
    followed.register(&uri);
    followed.until_keys(&uri, &["one"]).await;

    host.answer(SET, StatusCode::SERVICE_UNAVAILABLE, String::new());
    for pause in [10, 20, 40] {
        followed.clock.advance(600);
        let is_noted = || followed.state(&uri).unwrap().due_at == followed.clock.now().plus(pause);
        until("a failed fetch", async || is_noted()).await;
    }
    assert!(followed.until_error(&uri).await.contains("503"));
    assert_eq!(followed.key_ids(&uri).unwrap(), ["one"]);
    assert_eq!(log.text().matches("cannot be fetched").count(), 1, "{}", log.text());
    assert_eq!(of_key_sets(&followed.sets, NOW.plus(1200)), []);
    let stale = of_key_sets(&followed.sets, NOW.plus(1201));
    assert!(stale[0].name == uri.as_str() && !stale[0].is_over(NOW.plus(1201)), "{stale:?}");
    followed.clock.advance(86_400);
    assert!(matches!(followed.key_ids(&uri), Err(NoKeys::TooOld { fetched_at: NOW, .. })));
    assert!(stale[0].is_over(followed.clock.now()), "{stale:?}");

    host.publish(SET, &[key("two")]);
    until("the end of the outage", async || {
        followed.clock.advance(60);
        followed.key_ids(&uri).is_ok_and(|found| found == ["two"])
    })
    .await;
    assert_eq!(followed.state(&uri).unwrap().error, None);
}

// R40
#[tokio::test]
async fn a_bad_key_is_set_aside_and_told_and_a_set_that_is_none_changes_nothing() {
    let (host, log) = (KeyHost::start().await, Log::capture());
    let (followed, uri) = (Followed::at(&host), host.uri(SET));
    host.publish(SET, &[key("good"), format!(r#"{{{OTHER_KEY},"kid":"bad","d":"c2VjcmV0"}}"#)]);
    followed.register(&uri);
    followed.until_keys(&uri, &["good"]).await;
    let aside = &followed.state(&uri).unwrap().fetched.unwrap().contents.set_aside;
    assert_eq!(aside[0].key_id.as_deref(), Some("bad"));
    assert!(log.text().contains("private member") && !log.text().contains("c2VjcmV0"), "{}", log.text());

    host.answer(SET, StatusCode::OK, "<html>sign in</html>".to_owned());
    followed.clock.advance(600);
    assert!(followed.until_error(&uri).await.contains("JWK set"));
    assert_eq!(followed.key_ids(&uri).unwrap(), ["good"]);
}

// R50
#[tokio::test]
async fn this_machine_is_not_asked_unless_the_configuration_says_so() {
    let host = KeyHost::start().await;
    let jwks_ca_files = vec![host.directory.path().join("ca.pem")];
    let followed = Followed::with(Assertions { jwks_ca_files, ..Assertions::default() });
    host.publish(SET, &[key("one")]);
    for name in ["localhost", "127.0.0.1", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"] {
        let uri: KeySetUri = format!("https://{name}:{}{SET}", host.port).parse().unwrap();
        followed.register(&uri);
        let error = followed.until_error(&uri).await;
        assert!(error.contains("expected a public address"), "{uri}: {error}");
    }
    assert_eq!(host.asked(SET), 0);
}

#[tokio::test]
async fn redirects_large_answers_and_hosts_that_nobody_vouches_for_are_refused() {
    let host = KeyHost::start().await;
    let followed = Followed::at(&host);
    host.publish(SET, &[key("one")]);
    host.answer("/moved", StatusCode::FOUND, SET.to_owned());
    host.answer("/large", StatusCode::OK, format!(r#"{{"keys":[],"more":"{}"}}"#, "a".repeat(200_000)));
    for (path, part) in [("/moved", "302"), ("/large", "at most"), ("/nothing", "404")] {
        followed.register(&host.uri(path));
        let error = followed.until_error(&host.uri(path)).await;
        assert!(error.contains(part), "{path}: {error}");
    }
    assert_eq!(host.asked(SET), 0);

    let other = KeyHost::start().await;
    other.publish(SET, &[key("one")]);
    followed.register(&other.uri(SET));
    let error = followed.until_error(&other.uri(SET)).await;
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(other.asked(SET), 0);
}

#[test]
fn an_authority_file_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let open = |file: PathBuf| {
        let section = Assertions { jwks_ca_files: vec![file], ..Assertions::default() };
        KeySets::open(&section, Arc::new(ManualClock::at(NOW))).err().unwrap().to_string()
    };
    assert!(open(file.clone()).contains("ca.pem: cannot be read"));
    std::fs::write(&file, "nothing").unwrap();
    assert!(open(file).contains("ca.pem: expected at least one certificate"));
}

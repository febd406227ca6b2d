//! R41: what an issuer that is away, and a flood of made-up keys, do to a provider; and what it can know of that.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use careconnect_verifier::{KeyOrigin, RemoteKeys, TokenVerifier};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    issuer::{Issuer, NOW},
    publisher::Publisher,
    remote_keys::{MINUTE, SECOND, pass, reason, verifier},
};

/// The file, once it holds what the issuer publishes.
async fn written(path: &Path, publisher: &Publisher) -> Value {
    for _ in 0..4000 {
        let contents = fs::read(path).ok().and_then(|json| serde_json::from_slice::<Value>(&json).ok());
        if let Some(contents) = contents.filter(|contents| contents["jwks"].as_str() == publisher.jwks().as_deref()) {
            return contents;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no snapshot of the keys that are published");
}

/// Waits for the fetch in the background, which would not outlive a minute that passes at once.
async fn fetched(verifier: &TokenVerifier) {
    for _ in 0..4000 {
        if !verifier.key_state().unwrap().is_fetching {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the fetch does not end");
}

/// A published issuer, and the snapshot that a provider has made of its keys at `NOW`.
async fn snapshot_of(issuer: &Issuer) -> (Publisher, TempDir, PathBuf) {
    let (publisher, keys) = Publisher::start(&[issuer]).await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("keys.json");
    let verifier = verifier(keys.snapshot(&path).clock(|| NOW));
    assert_eq!(reason(&verifier, issuer).await, "accepted");
    written(&path, &publisher).await;
    (publisher, directory, path)
}

/// A provider that starts when so much time has passed since then.
fn started_after(publisher: &Publisher, path: &Path, seconds: i64) -> TokenVerifier {
    verifier(publisher.keys().snapshot(path).clock(move || NOW + seconds))
}

#[tokio::test]
async fn an_issuer_that_stops_is_not_noticed_until_the_budget_ends_and_then_the_refusal_says_why() {
    let (issuer, other) = (Issuer::new("k1"), Issuer::new("k1"));
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys.serve_stale_for(60 * MINUTE));
    let known = issuer.token();
    assert!(verifier.verify(&known).await.is_ok());
    let state = verifier.key_state().unwrap();
    assert_eq!((state.origin, state.failure, state.is_fetching), (Some(KeyOrigin::Issuer), None, false));
    publisher.stop().await;
    for _ in 0..5 {
        pass(11 * MINUTE).await;
        assert!(verifier.verify(&known).await.is_ok(), "a token that was seen before");
        assert_eq!(reason(&verifier, &issuer).await, "accepted", "a new one of a known key");
        assert_eq!(reason(&verifier, &other).await, "bad_signature");
        fetched(&verifier).await;
    }
    let state = verifier.key_state().unwrap();
    assert!(state.age.unwrap() >= 55 * MINUTE && state.remaining <= 5 * MINUTE && state.remaining > 4 * MINUTE);
    assert!(state.failure.unwrap().starts_with("the request failed"));
    pass(6 * MINUTE).await;
    for token in [&known, &issuer.token()] {
        let refusal = verifier.verify(token).await.unwrap_err();
        assert_eq!((refusal.status(), refusal.reason()), (503, "keys_unavailable"));
        assert!(refusal.to_string().contains("may serve for 3600 s; the request failed"), "{refusal}");
        assert_eq!(verifier.verify_offline(token).unwrap_err().reason(), "keys_unavailable");
    }
    assert_eq!(verifier.key_state().unwrap().remaining, Duration::ZERO);
}

#[tokio::test]
async fn thousands_of_unknown_keys_at_once_make_one_fetch_in_a_cooldown() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys.timeout(60 * MINUTE)); // however slow the machine
    let known = issuer.token();
    let forged: Arc<Vec<_>> = Arc::new(
        (0..3000).map(|n| issuer.token_with_header(|header| header["kid"] = json!(format!("k-{n}")))).collect(),
    );
    for fetches in 1..=3 {
        let tasks = (0..forged.len()).map(|n| {
            let (verifier, forged, known) = (verifier.clone(), forged.clone(), known.clone());
            tokio::spawn(async move {
                assert_eq!(verifier.verify(&forged[n]).await.unwrap_err().reason(), "unknown_kid");
                assert!(verifier.verify(&known).await.is_ok());
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(publisher.fetches(), fetches);
        pass(31 * SECOND).await;
    }
}

#[tokio::test]
async fn a_rotation_goes_unnoticed() {
    let (old, new) = (Issuer::new("k1"), Issuer::new("k2"));
    let (publisher, keys) = Publisher::start(&[&old]).await;
    let verifier = verifier(keys);
    for minute in 0..45 {
        match minute {
            5 => publisher.publish(&[&old, &new]),
            30 => publisher.publish(&[&new]),
            _ => {}
        }
        assert_eq!(reason(&verifier, if minute < 16 { &old } else { &new }).await, "accepted", "minute {minute}");
        fetched(&verifier).await;
        pass(MINUTE).await;
    }
    assert_eq!(reason(&verifier, &old).await, "unknown_kid");
    assert!(publisher.fetches() <= 12, "{}", publisher.fetches());
}

#[tokio::test]
async fn a_provider_that_starts_while_the_issuer_is_away_uses_its_snapshot_for_the_rest_of_the_budget() {
    let issuer = Issuer::new("k1");
    let (publisher, _directory, path) = snapshot_of(&issuer).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left behind");
    publisher.go_away();
    let verifier = started_after(&publisher, &path, 23 * 3600);
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    let state = verifier.key_state().unwrap();
    assert_eq!(state.origin, Some(KeyOrigin::Snapshot));
    assert!(state.age.unwrap() >= 23 * 60 * MINUTE && state.remaining <= 60 * MINUTE && state.failure.is_some());
    pass(59 * MINUTE).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    pass(MINUTE).await;
    assert_eq!(reason(&verifier, &issuer).await, "keys_unavailable");
}

#[tokio::test]
async fn an_issuer_that_is_back_replaces_the_snapshot_and_what_was_taken_from_it() {
    let (old, new) = (Issuer::new("k1"), Issuer::new("k2"));
    let (publisher, _directory, path) = snapshot_of(&old).await;
    publisher.go_away();
    let verifier = started_after(&publisher, &path, 600);
    assert_eq!(reason(&verifier, &old).await, "accepted");
    publisher.publish(&[&new]);
    pass(31 * SECOND).await;
    assert_eq!(reason(&verifier, &new).await, "accepted");
    assert_eq!(reason(&verifier, &old).await, "unknown_kid");
    assert_eq!(verifier.key_state().unwrap().origin, Some(KeyOrigin::Issuer));
    let contents = written(&path, &publisher).await;
    assert_eq!(contents["fetched_at"], NOW + 600);
}

#[tokio::test]
async fn an_issuer_that_is_there_is_believed_and_its_snapshot_is_not_looked_at() {
    let (old, new) = (Issuer::new("k1"), Issuer::new("k2"));
    let (publisher, _directory, path) = snapshot_of(&old).await;
    publisher.publish(&[&new]);
    let verifier = started_after(&publisher, &path, 60);
    assert_eq!(reason(&verifier, &new).await, "accepted");
    assert_eq!(reason(&verifier, &old).await, "unknown_kid");
}

/// What must go wrong with a snapshot to which `change` was done, for a provider that starts after so many seconds.
async fn disbelief(seconds: i64, change: impl FnOnce(&Path)) -> String {
    let issuer = Issuer::new("k1");
    let (publisher, _directory, path) = snapshot_of(&issuer).await;
    publisher.go_away();
    change(&path);
    let verifier = started_after(&publisher, &path, seconds);
    let refusal = verifier.verify(&issuer.token()).await.unwrap_err();
    assert_eq!((refusal.status(), refusal.reason()), (503, "keys_unavailable"));
    let failure = verifier.key_state().unwrap().failure.unwrap();
    assert!(failure.starts_with("expected status 200, received 503"), "{failure}");
    failure.split_once("the snapshot is not used: ").unwrap().1.to_owned()
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut contents = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut contents);
    fs::write(path, contents.to_string()).unwrap();
}

#[tokio::test]
async fn a_snapshot_that_others_can_write_decides_nothing() {
    for mode in [0o620, 0o602, 0o666] {
        let told = disbelief(60, |path| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap()).await;
        assert_eq!(told, format!("expected a file that nobody but its owner can write, received mode {mode:o}"));
    }
}

#[tokio::test]
async fn a_snapshot_is_believed_for_its_time_and_its_issuer_only() {
    let day = 24 * 3600;
    assert_eq!(disbelief(day, |_| {}).await, "expected keys of less than 86400 s, received ones of 86400 s");
    assert!(disbelief(-1, |_| {}).await.starts_with("expected keys from the past, received ones that were fetched at"));
    let other =
        disbelief(60, |path| rewrite(path, |contents| contents["url"] = json!("https://other.example/jwks"))).await;
    assert!(other.ends_with("received those of \"https://other.example/jwks\""), "{other}");
    for time in [i64::MIN, i64::MAX] {
        disbelief(60, |path| rewrite(path, |contents| contents["fetched_at"] = json!(time))).await;
    }
}

#[tokio::test]
async fn a_broken_snapshot_is_none() {
    let broken = |path: &Path| fs::write(path, &fs::read(path).unwrap()[..100]).unwrap();
    assert!(disbelief(60, broken).await.starts_with("expected what this crate writes"));
    let huge = |path: &Path| fs::write(path, vec![b' '; 2_000_000]).unwrap();
    assert_eq!(disbelief(60, huge).await, "expected at most 1048576 bytes");
    let no_keys = |path: &Path| rewrite(path, |contents| contents["jwks"] = json!("[]"));
    assert!(disbelief(60, no_keys).await.starts_with("not a JWK set"));
    let folder = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    assert_eq!(disbelief(60, folder).await, "expected a regular file");
    assert!(disbelief(60, |path| fs::remove_file(path).unwrap()).await.starts_with("it cannot be read"));
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_written_stops_nobody() {
    let issuer = Issuer::new("k1");
    let (_publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys.snapshot("/nonexistent/keys.json"));
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
}

#[test]
fn keys_that_nobody_has_asked_for_are_in_no_state() {
    let keys = RemoteKeys::from_url("https://auth.example.nhs.uk/jwks.json").build().unwrap();
    let state = keys.state();
    assert_eq!((state.age, state.origin, state.remaining, state.is_fetching), (None, None, Duration::ZERO, false));
    assert_eq!(Issuer::new("k1").verifier().build().unwrap().key_state(), None, "keys that are given cannot fail");
}

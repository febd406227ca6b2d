//! R41: revocations that follow a real server, through changes and outages.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use careconnect_verifier::{RemoteError, RemoteRevocations, RevocationState, Revocations, TokenVerifier};
use serde_json::json;

use crate::{
    issuer::{AUDIENCE, ISSUER, Issuer, NOW},
    list_publisher::ListPublisher,
    publisher::Publisher,
    revocations::{list, list_with_token, verdict},
};

const SECOND: Duration = Duration::from_secs(1);

/// Lets time pass for the poll, but not for the sockets.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits, in real time, for what a poll in the background brings.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..4000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("still not so: {what}");
}

fn state(verifier: &TokenVerifier) -> RevocationState {
    verifier.revocation_state().unwrap()
}

async fn reason(verifier: &TokenVerifier, issuer: &Issuer) -> &'static str {
    verdict(verifier.verify(&issuer.token()).await)
}

async fn following(issuer: &Issuer) -> (ListPublisher, TokenVerifier) {
    let (publisher, source) = ListPublisher::start(list(issuer, |_| {})).await;
    let verifier = issuer.verifier().revocations(source.build().unwrap()).build().unwrap();
    (publisher, verifier)
}

#[tokio::test]
async fn a_withdrawn_token_is_refused_within_the_polling_time() {
    let issuer = Issuer::new("k1");
    let (publisher, verifier) = following(&issuer).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    publisher.publish(list_with_token(&issuer));
    pass(5 * SECOND).await;
    until("the new list is there", || state(&verifier).tokens == 1).await;
    assert_eq!(reason(&verifier, &issuer).await, "revoked");
    publisher.publish(list(&issuer, |list| list["iat"] = json!(NOW)));
    pass(5 * SECOND).await;
    until("a newer list is there", || state(&verifier).tokens == 0).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
}

#[tokio::test]
async fn a_list_that_has_not_changed_does_not_come_again_and_is_confirmed() {
    let issuer = Issuer::new("k1");
    let (publisher, verifier) = following(&issuer).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    for polls in 1..=4 {
        pass(30 * SECOND).await;
        until("confirmed", || publisher.unchanged() >= polls && !state(&verifier).is_stale).await;
        until("just now", || state(&verifier).confirmed_ago.unwrap() < 5 * SECOND).await;
        assert_eq!(reason(&verifier, &issuer).await, "accepted");
    }
    assert_eq!(publisher.sent(), 1);
}

#[tokio::test]
async fn a_list_in_its_last_minute_is_asked_for_as_a_whole() {
    let issuer = Issuer::new("k1");
    let (publisher, verifier) = following(&issuer).await;
    publisher.publish(list(&issuer, |list| list["exp"] = json!(NOW + 60)));
    for _ in 0..3 {
        verifier.refresh_revocations().await.unwrap();
    }
    assert_eq!((publisher.sent(), publisher.unchanged()), (3, 0));
}

#[tokio::test]
async fn fifty_first_verifications_wait_for_one_list() {
    let issuer = Arc::new(Issuer::new("k1"));
    let (publisher, verifier) = following(&issuer).await;
    publisher.publish(list_with_token(&issuer));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, issuer) = (verifier.clone(), Arc::clone(&issuer));
            tokio::spawn(async move { reason(&verifier, &issuer).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "revoked");
    }
    assert_eq!(publisher.sent(), 1);
}

#[tokio::test]
async fn even_who_accepts_without_a_list_waits_for_the_first() {
    let issuer = Issuer::new("k1");
    let (_publisher, source) = ListPublisher::start(list_with_token(&issuer)).await;
    let revocations = Revocations::from(source.build().unwrap()).accept_when_stale();
    let verifier = issuer.verifier().revocations(revocations).build().unwrap();
    assert_eq!(reason(&verifier, &issuer).await, "revoked");
}

#[tokio::test]
async fn a_stale_list_refuses_every_token_until_the_issuer_is_back() {
    let issuer = Issuer::new("k1");
    let (publisher, verifier) = following(&issuer).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    publisher.go_away();
    pass(30 * SECOND).await;
    until("the outage is noticed", || state(&verifier).failure.is_some()).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted", "not stale yet");
    pass(31 * SECOND).await;
    let refusal = verifier.verify(&issuer.token()).await.unwrap_err();
    assert_eq!((refusal.status(), refusal.reason()), (503, "revocations_unavailable"));
    assert!(refusal.to_string().contains("received 503"), "{refusal}");
    assert!(state(&verifier).is_stale);
    publisher.publish(list(&issuer, |_| {}));
    pass(5 * SECOND).await;
    until("recovers by itself", || !state(&verifier).is_stale).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    assert_eq!(state(&verifier).failure, None);
}

#[tokio::test]
async fn a_stale_list_stops_nobody_when_so_configured_but_what_it_withdrew_stays_withdrawn() {
    let issuer = Issuer::new("k1");
    let (publisher, source) = ListPublisher::start(list_with_token(&issuer)).await;
    let revocations = Revocations::from(source.build().unwrap()).stale_after(20 * SECOND).accept_when_stale();
    let verifier = issuer.verifier().revocations(revocations).build().unwrap();
    assert_eq!(reason(&verifier, &issuer).await, "revoked");
    publisher.go_away();
    pass(21 * SECOND).await;
    until("the outage is noticed", || state(&verifier).failure.is_some()).await;
    assert!(state(&verifier).is_stale, "visible");
    assert_eq!(reason(&verifier, &issuer).await, "revoked");
    let another = issuer.token_with(|claims| claims["jti"] = "another".into());
    assert_eq!(verdict(verifier.verify(&another).await), "accepted");
}

#[tokio::test]
async fn a_list_that_has_ended_is_stale_however_often_it_is_confirmed() {
    let issuer = Issuer::new("k1");
    let (_publisher, source) = ListPublisher::start(list(&issuer, |_| {})).await;
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = Arc::clone(&now);
    let verifier = issuer.verifier().clock(move || clock.load(Ordering::SeqCst));
    let verifier = verifier.revocations(source.build().unwrap()).build().unwrap();
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    now.store(NOW + 300, Ordering::SeqCst);
    let longer = issuer.token_with(|claims| claims["exp"] = json!(NOW + 900));
    verifier.refresh_revocations().await.unwrap_err();
    assert_eq!(verdict(verifier.verify(&longer).await), "revocations_unavailable");
}

#[tokio::test]
async fn a_provider_starts_before_its_issuer() {
    let issuer = Issuer::new("k1");
    let (publisher, verifier) = following(&issuer).await;
    publisher.go_away();
    assert_eq!(reason(&verifier, &issuer).await, "revocations_unavailable");
    publisher.publish(list(&issuer, |_| {}));
    assert_eq!(reason(&verifier, &issuer).await, "revocations_unavailable", "answered at once, from what is known");
    pass(5 * SECOND).await;
    until("recovers by itself", || !state(&verifier).is_stale).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
}

#[tokio::test]
async fn a_machine_that_slept_waits_for_the_list_instead_of_refusing() {
    let issuer = Issuer::new("k1");
    let (publisher, source) = ListPublisher::start(list(&issuer, |_| {})).await;
    let source = source.poll_every(3600 * SECOND).build().unwrap();
    let revocations = Revocations::from(source).stale_after(3601 * SECOND);
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = Arc::clone(&now);
    let verifier = issuer.verifier().clock(move || clock.load(Ordering::SeqCst)).revocations(revocations);
    let verifier = verifier.build().unwrap();
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    now.store(NOW + 1000, Ordering::SeqCst);
    publisher.publish(list(&issuer, |list| (list["iat"], list["exp"]) = (json!(NOW + 999), json!(NOW + 1299))));
    let token = issuer.token_with(|claims| (claims["iat"], claims["exp"]) = (json!(NOW + 999), json!(NOW + 1299)));
    assert_eq!(verdict(verifier.verify(&token).await), "accepted");
}

#[tokio::test]
async fn nobody_is_asked_before_the_first_verification_nor_after_the_verifier_is_gone() {
    let issuer = Issuer::new("k1");
    let (publisher, verifier) = following(&issuer).await;
    pass(60 * SECOND).await;
    assert_eq!(publisher.sent(), 0);
    let clone = verifier.clone();
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    drop(verifier);
    pass(6 * SECOND).await;
    until("a clone keeps it alive", || publisher.unchanged() == 1).await;
    until("and has been answered", || state(&clone).confirmed_ago.unwrap() < 5 * SECOND).await;
    drop(clone);
    for _ in 0..20 {
        pass(6 * SECOND).await;
        tokio::task::yield_now().await;
    }
    assert_eq!((publisher.sent(), publisher.unchanged()), (1, 1));
}

#[test]
fn a_verifier_outlives_the_runtime_that_polled_for_it() {
    let issuer = Issuer::new("k1");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let serving = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (publisher, verifier) = serving.block_on(following(&issuer));
    assert_eq!(runtime().block_on(reason(&verifier, &issuer)), "accepted");
    publisher.publish(list_with_token(&issuer));
    runtime().block_on(async {
        reason(&verifier, &issuer).await;
        until("polled again", || state(&verifier).tokens == 1).await;
        assert_eq!(reason(&verifier, &issuer).await, "revoked");
    });
}

#[tokio::test]
async fn a_huge_list_is_none() {
    let issuer = Issuer::new("k1");
    let (publisher, verifier) = following(&issuer).await;
    let jtis = |count| (0..count).map(|number| format!("6f1c2d3e-0000-4000-8000-{number:012}")).collect::<Vec<_>>();
    publisher.publish(list(&issuer, |list| list["tokens"] = json!(jtis(19_000))));
    verifier.refresh_revocations().await.unwrap();
    assert_eq!(state(&verifier).tokens, 19_000);
    publisher.publish(list(&issuer, |list| list["tokens"] = json!(jtis(21_000))));
    let refusal = verifier.refresh_revocations().await.unwrap_err().to_string();
    assert!(refusal.contains("at most 1048576 bytes"), "{refusal}");
}

#[tokio::test]
async fn a_list_signed_with_a_new_key_has_the_keys_fetched() {
    let (old, new) = (Issuer::new("k1"), Issuer::new("k2"));
    let (keys_publisher, keys) = Publisher::start(&[&old]).await;
    let (publisher, source) = ListPublisher::start(list(&old, |_| {})).await;
    let verifier = TokenVerifier::for_issuer(ISSUER).audience(AUDIENCE).keys(keys.build().unwrap()).clock(|| NOW);
    let verifier = verifier.revocations(source.build().unwrap()).build().unwrap();
    assert_eq!(reason(&verifier, &old).await, "accepted");
    keys_publisher.publish(&[&old, &new]);
    publisher.publish(list_with_token(&new));
    pass(31 * SECOND).await;
    until("the new list is there", || state(&verifier).tokens == 1).await;
    assert_eq!(reason(&verifier, &old).await, "revoked");
}

#[test]
fn the_list_comes_over_https_and_is_not_asked_for_all_the_time() {
    for url in ["http://auth.example.nhs.uk/oauth2/revocations", "file:///etc/passwd", ""] {
        assert!(matches!(RemoteRevocations::from_url(url).build(), Err(RemoteError::Url { .. })), "{url:?}");
    }
    let source = || RemoteRevocations::from_url("https://auth.example.nhs.uk/oauth2/revocations");
    assert!(source().poll_every(SECOND).build().is_ok());
    let refusal = source().poll_every(Duration::from_millis(999)).build().unwrap_err();
    assert!(matches!(refusal, RemoteError::TooShort { option: "a poll_every", .. }), "{refusal}");
}

//! R41: keys that follow a real server, through rotation, outage and floods.

use std::{sync::Arc, time::Duration};

use careconnect_verifier::{RemoteError, RemoteKeys, RemoteKeysBuilder, TokenVerifier};
use serde_json::json;

use crate::{
    issuer::{AUDIENCE, ISSUER, Issuer, NOW},
    publisher::{Publisher, following_client},
};

pub(crate) fn verifier(keys: RemoteKeysBuilder) -> TokenVerifier {
    TokenVerifier::for_issuer(ISSUER).audience(AUDIENCE).keys(keys.build().unwrap()).clock(|| NOW).build().unwrap()
}

pub(crate) async fn reason(verifier: &TokenVerifier, issuer: &Issuer) -> &'static str {
    verifier.verify(&issuer.token()).await.map_or_else(|rejection| rejection.reason(), |_| "accepted")
}

/// Lets time pass for the cache, but not for the sockets.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits, in real time, for a fetch in the background.
async fn settle(publisher: &Publisher, fetches: usize) {
    for _ in 0..4000 {
        if publisher.fetches() >= fetches {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(publisher.fetches(), fetches);
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn keys_are_fetched_once_and_kept() {
    let issuer = Issuer::new("k1"); // the old demonstrator fetched them for every request
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys);
    for _ in 0..20 {
        assert_eq!(reason(&verifier, &issuer).await, "accepted");
    }
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn a_hundred_verifications_at_once_share_one_fetch() {
    let issuer = Arc::new(Issuer::new("k1"));
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys);
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, issuer) = (verifier.clone(), Arc::clone(&issuer));
            tokio::spawn(async move { reason(&verifier, &issuer).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "accepted");
    }
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn an_unknown_key_causes_one_fetch_and_then_none_until_the_cooldown_ends() {
    let (issuer, forger) = (Issuer::new("k1"), Issuer::new("forged"));
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys.cooldown(30 * SECOND));
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    for (passed, fetches) in [(SECOND, 1), (30 * SECOND, 2), (SECOND, 2), (30 * SECOND, 3)] {
        pass(passed).await;
        for _ in 0..10 {
            assert_eq!(reason(&verifier, &forger).await, "unknown_kid");
        }
        assert_eq!(reason(&verifier, &issuer).await, "accepted", "known keys are never held up");
        assert_eq!(publisher.fetches(), fetches);
    }
}

#[tokio::test]
async fn a_new_key_is_found_by_the_first_token_that_names_it() {
    let (old, new) = (Issuer::new("k1"), Issuer::new("k2"));
    let (publisher, keys) = Publisher::start(&[&old]).await;
    let verifier = verifier(keys);
    assert_eq!(reason(&verifier, &old).await, "accepted");
    publisher.publish(&[&old, &new]);
    pass(31 * SECOND).await;
    assert_eq!(reason(&verifier, &new).await, "accepted");
    assert_eq!(reason(&verifier, &old).await, "accepted");
}

#[tokio::test]
async fn keys_are_refreshed_ahead_without_a_verification_waiting() {
    let (old, new) = (Issuer::new("k1"), Issuer::new("k2"));
    let (publisher, keys) = Publisher::start(&[&old]).await;
    let verifier = verifier(keys);
    assert_eq!(reason(&verifier, &old).await, "accepted");
    publisher.publish(&[&new]);
    pass(6 * MINUTE).await;
    assert_eq!(reason(&verifier, &old).await, "accepted", "answered from the keys that were there");
    settle(&publisher, 2).await;
    assert_eq!(reason(&verifier, &new).await, "accepted");
    assert_eq!(reason(&verifier, &old).await, "unknown_kid", "a withdrawn key is forgotten");
    assert_eq!(publisher.fetches(), 2);
}

#[tokio::test]
async fn after_a_quiet_night_a_withdrawn_key_is_not_used_once_more() {
    let (old, new) = (Issuer::new("k1"), Issuer::new("k2"));
    let (publisher, keys) = Publisher::start(&[&old]).await;
    let verifier = verifier(keys);
    assert_eq!(reason(&verifier, &old).await, "accepted");
    publisher.publish(&[&new]);
    pass(8 * 60 * MINUTE).await;
    assert_eq!(reason(&verifier, &old).await, "unknown_kid");
}

#[tokio::test]
async fn the_issuer_may_shorten_the_time_that_its_keys_are_kept() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    publisher.publish_for("public, max-age=60", &[&issuer]);
    let verifier = verifier(keys);
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    pass(61 * SECOND).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    settle(&publisher, 2).await;
}

#[tokio::test]
async fn stale_keys_serve_through_an_outage_for_a_bounded_time() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys.serve_stale_for(60 * MINUTE));
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    publisher.go_away();
    for _ in 0..5 {
        pass(11 * MINUTE).await;
        assert_eq!(reason(&verifier, &issuer).await, "accepted");
    }
    pass(11 * MINUTE).await;
    assert_eq!(reason(&verifier, &issuer).await, "keys_unavailable");
    publisher.publish(&[&issuer]);
    pass(SECOND).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted", "recovers by itself");
}

#[tokio::test]
async fn an_issuer_that_loses_its_keys_has_not_withdrawn_them() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys);
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    publisher.publish(&[]);
    pass(20 * MINUTE).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
}

#[tokio::test]
async fn a_provider_starts_before_its_issuer() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    publisher.go_away();
    let verifier = verifier(keys);
    let refusal = verifier.verify(&issuer.token()).await.unwrap_err();
    assert_eq!((refusal.status(), refusal.reason()), (503, "keys_unavailable"));
    publisher.publish(&[&issuer]);
    pass(SECOND).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_cancel_the_fetch_of_the_others() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys);
    let hanging_up = tokio::time::timeout(Duration::ZERO, reason(&verifier, &issuer)).await;
    assert!(hanging_up.is_err());
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn tokens_that_are_refused_anyway_cause_no_fetch() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys);
    let expired = issuer.token_with(|claims| claims["exp"] = json!(NOW - 100));
    assert_eq!(verifier.verify(&expired).await.unwrap_err().reason(), "expired");
    assert_eq!(publisher.fetches(), 0);
}

#[tokio::test]
async fn an_endless_answer_is_no_key_set() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let padding = "x".repeat(1_000_000);
    publisher.publish_text(json!({ "keys": [issuer.jwk()], "x": padding }).to_string());
    assert_eq!(reason(&verifier(keys), &issuer).await, "keys_unavailable");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let (elsewhere, _) = Publisher::start(&[&issuer]).await;
    publisher.redirect_to(&elsewhere);
    assert_eq!(reason(&verifier(keys), &issuer).await, "keys_unavailable");
    assert_eq!(elsewhere.fetches(), 0);
}

#[tokio::test]
async fn keys_of_another_host_are_refused_even_from_a_client_that_follows_redirects() {
    let (issuer, attacker) = (Issuer::new("k1"), Issuer::new("k1"));
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let (elsewhere, _) = Publisher::start(&[&attacker]).await;
    publisher.redirect_to(&elsewhere);
    let verifier = verifier(keys.http_client(following_client()));
    assert_eq!(reason(&verifier, &attacker).await, "keys_unavailable");
    assert_eq!(elsewhere.fetches(), 1);
}

#[test]
fn keys_come_over_https_unless_danger_is_asked_for() {
    for url in ["http://auth.example.nhs.uk/jwks.json", "file:///etc/passwd", "jwks.json", ""] {
        assert!(RemoteKeys::from_url(url).build().is_err(), "{url:?}");
    }
    assert!(RemoteKeys::from_url("https://auth.example.nhs.uk/jwks.json").build().is_ok());
    assert!(RemoteKeys::from_url("file:///etc/passwd").dangerously_allow_http().build().is_err());
}

#[test]
fn the_issuer_cannot_be_asked_for_every_forged_token() {
    let keys = || RemoteKeys::from_url("https://auth.example.nhs.uk/jwks.json");
    for keys in [keys().cooldown(Duration::ZERO), keys().refresh_after(Duration::from_millis(999))] {
        let refusal = keys.build().unwrap_err();
        assert!(matches!(refusal, RemoteError::TooShort { .. }), "{refusal}"); // R41
    }
    assert!(keys().cooldown(SECOND).refresh_after(SECOND).build().is_ok());
}

#[test]
fn an_authority_is_given_as_the_file_holds_it() {
    let keys = || RemoteKeys::from_url("https://auth.example.nhs.uk/jwks.json");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in [&b"\x30\x82DER"[..], b"", broken.as_bytes()] {
        let refusal = keys().certificate_authority(pem).build().unwrap_err();
        assert!(matches!(refusal, RemoteError::Authority(_)), "{refusal}");
    }
    let both = keys().certificate_authority(broken).http_client(following_client()).build();
    assert!(matches!(both, Err(RemoteError::AuthorityAndClient)));
}

#[tokio::test]
async fn the_longest_and_the_shortest_times_are_times_too() {
    let issuer = Issuer::new("k1");
    let (publisher, keys) = Publisher::start(&[&issuer]).await;
    let verifier = verifier(keys.refresh_after(Duration::MAX).serve_stale_for(Duration::ZERO));
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    pass(24 * 60 * MINUTE).await;
    assert_eq!(reason(&verifier, &issuer).await, "accepted");
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn the_log_says_why_no_key_can_be_used() {
    let (publisher, keys) = Publisher::start(&[]).await;
    let keys = keys.build().unwrap();
    assert!(keys.prefetch().await.unwrap_err().to_string().ends_with("received none"));
    publisher.publish_text(json!({ "keys": [{ "kid": "k1", "kty": "oct" }] }).to_string());
    pass(SECOND).await;
    let told = keys.prefetch().await.unwrap_err().to_string();
    assert!(told.ends_with("received \"k1\", which has no kty that is EC, OKP or RSA"), "{told}");
}

//! Keys change while tokens are issued and verified, and nobody notices.

use careconnect_auth::{
    clock::Clock,
    domain::{KeyState, Role, SigningKeyRecord},
    operations::{change_keys::KeyWork, tend_keys::tend_keys},
};
use careconnect_verifier::{Algorithm, UnverifiedText};
use serde_json::{Value, json};

use crate::support::{
    soon::until,
    test_server::{ROOT, TestServer, consumer},
};

/// A day's notice, and turns of two days.
const SHORT: &str = "keys.rotate_every_days = 2\n";
const DAY: i64 = 86_400;

pub(super) fn kid_of(token: &str) -> String {
    let header: Value = serde_json::from_str(&UnverifiedText::read(token.as_bytes()).unwrap().header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The keys of ES256 that are published, by their state.
fn es256(server: &TestServer, state: KeyState) -> Vec<SigningKeyRecord> {
    let (keys, now) = (server.running.app.registry.signing_keys(), server.running.app.clock.now());
    let schedule = *server.running.app.keys.ring().schedule();
    let all = keys.iter().filter(|key| key.algorithm == Algorithm::Es256);
    all.filter(|key| schedule.state(key, &keys, now) == state).cloned().collect()
}

async fn jwks(server: &TestServer) -> crate::support::requests::Answer {
    server.get(&format!("{}/.well-known/jwks.json", server.issuer_path())).await
}

/// The clock moves on; the register has been seen since.
async fn advance(server: &TestServer, seconds: i64) {
    server.clock.advance(seconds);
    let (registry, now) = (&server.running.app.registry, server.clock.now());
    until("the register is seen", async || registry.age(now) == 0).await;
}

/// What is due is done; the server itself does not believe a clock that jumps.
async fn tend(server: &TestServer) {
    tend_keys(&KeyWork::of(&server.running.app), server.clock.now()).await.unwrap();
    server.caught_up().await;
    let (records, keys) = (server.running.app.registry.signing_keys(), &server.running.app.keys);
    until("the ring has followed", async || keys.ring().records().len() == records.len()).await;
}

async fn published(server: &TestServer) -> Vec<String> {
    let keys = jwks(server).await.json()["keys"].as_array().unwrap().clone();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_schedule_publishes_the_next_key_in_time_and_tokens_go_on_throughout() {
    // R44
    let server = TestServer::with(SHORT).await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let first = es256(&server, KeyState::Active).remove(0);

    advance(&server, DAY + 1).await;
    tend(&server).await;
    let next = es256(&server, KeyState::Next).remove(0);
    assert!(published(&server).await.contains(&next.kid.to_string()));
    let token = server.token_by_secret(&registered).send().await.token();
    assert_eq!(kid_of(&token), *first.kid);

    advance(&server, next.activates_at.since(server.running.app.clock.now())).await;
    let token = server.token_by_secret(&registered).send().await.token();
    assert_eq!(kid_of(&token), *next.kid);
    assert!(published(&server).await.contains(&first.kid.to_string()), "its last tokens live");
    server.verify(ROOT, &token).await;

    let keep_after = server.running.app.keys.ring().schedule().keep_after;
    assert!(keep_after >= 3600 + 60);
    advance(&server, keep_after).await;
    assert!(!published(&server).await.contains(&first.kid.to_string()));
    for _ in 0..3 {
        tend(&server).await; // retired, forgotten, and then destroyed
    }
    let keys = server.running.app.registry.signing_keys();
    let first = keys.iter().find(|key| key.kid == first.kid).unwrap();
    assert_eq!(first.private_half, careconnect_auth::domain::PrivateHalf::Nowhere);
}

#[tokio::test]
async fn what_is_said_of_caching_follows_from_the_plan() {
    let server = TestServer::with(SHORT).await;
    let answer = jwks(&server).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("last-modified"), "Fri, 15 Jan 2027 08:00:00 GMT");
    advance(&server, DAY + 1).await;
    tend(&server).await;
    let later = jwks(&server).await;
    assert!(later.header("etag") != answer.header("etag"));
    assert!(later.header("last-modified").starts_with("Sat, 16 Jan 2027"));
    let next = es256(&server, KeyState::Next).remove(0);
    let keep_after = server.running.app.keys.ring().schedule().keep_after;
    let gone_at = next.activates_at.plus(keep_after);
    advance(&server, gone_at.since(server.running.app.clock.now()) - 20).await;
    let soon_over = jwks(&server).await;
    assert_eq!(soon_over.header("cache-control"), "public, max-age=20");
}

#[tokio::test]
async fn an_administrator_lets_the_next_key_sign_as_soon_as_others_can_know_it() {
    // R44
    let server = TestServer::start().await;
    let first = es256(&server, KeyState::Active).remove(0);
    let body = json!({"algorithm": "ES256", "reason": "yearly exercise"});
    assert_eq!(server.admin_as(Role::Viewer).post("/keys/rotations", &body).await.problem(403), "not-permitted");
    let answer = server.admin().post("/keys/rotations", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    server.caught_up().await;
    let next = es256(&server, KeyState::Next).remove(0);
    assert_eq!(answer.json()["kid"], *next.kid);
    assert_eq!(next.activates_at.since(next.published_at), 310);
    advance(&server, 310).await;
    assert_eq!(es256(&server, KeyState::Active)[0].kid, next.kid);
    assert_eq!(es256(&server, KeyState::Retiring)[0].kid, first.kid);
    let refused = server.admin().post("/keys/rotations", &json!({"algorithm": "HS256"})).await;
    assert_eq!(refused.problem(422), "invalid");
}

#[tokio::test]
async fn a_withdrawn_key_stops_at_once_and_has_a_successor() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let before = server.token_by_secret(&registered).send().await.token();
    let kid = kid_of(&before);

    let path = format!("/keys/{kid}/withdrawal");
    let answer = server.admin().post(&path, &json!({"reason": "the disk was stolen"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["withdrawn_at"].is_string());
    server.caught_up().await;
    until("the ring has followed", async || !published(&server).await.contains(&kid)).await;

    let after = server.token_by_secret(&registered).send().await.token();
    assert_ne!(kid_of(&after), kid);
    server.verify(ROOT, &after).await;
    assert_eq!(server.admin().post(&path, &json!({"reason": "again"})).await.problem(409), "conflict");
    let unknown = server.admin().post("/keys/nothing/withdrawal", &json!({"reason": "none"})).await;
    assert_eq!(unknown.problem(404), "not-found");
    let key = server.admin().get(&format!("/keys/{kid}")).await;
    assert_eq!(key.json()["state"], "withdrawn");
}

#[tokio::test]
async fn a_withdrawn_next_key_leaves_the_active_one_alone() {
    let server = TestServer::start().await;
    let first = es256(&server, KeyState::Active).remove(0);
    server.admin().post("/keys/rotations", &json!({"algorithm": "ES256", "reason": "x"})).await;
    server.caught_up().await;
    let next = es256(&server, KeyState::Next).remove(0);
    let answer = server.admin().post(&format!("/keys/{}/withdrawal", next.kid), &json!({"reason": "x"})).await;
    assert_eq!(answer.status, 200);
    server.caught_up().await;
    assert_eq!(es256(&server, KeyState::Active)[0].kid, first.kid);
    assert!(es256(&server, KeyState::Next).is_empty());
}

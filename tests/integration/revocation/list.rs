//! The signed list for verifiers.

use careconnect_auth::{
    clock::Clock,
    domain::{RegistrationStatus, RevokedToken},
    operations::revoke_token::revoke_token,
};
use careconnect_verifier::{FixedKeys, FixedRevocations, KeySet, TokenVerifier};
use serde_json::json;
use uuid::Uuid;

use super::{LIST, claims, listed, nothing, revoke, scene, scene_with, token};
use crate::support::{
    changes::{Changes, act},
    requests::{Answer, send},
    test_server::TestServer,
};

async fn list(server: &TestServer, etag: Option<&str>) -> Answer {
    let path = format!("{}{LIST}", server.issuer_path());
    let request = server.client().get(server.url(&path));
    let request = match etag {
        Some(etag) => request.header("if-none-match", etag),
        None => request,
    };
    send(reqwest::Method::GET, &path, request).await
}

#[tokio::test]
async fn the_list_is_empty_small_and_signed() {
    let (server, _consumer) = scene().await;
    assert_eq!(listed(&server).await, nothing());
    let answer = list(&server, None).await;
    assert_eq!(answer.header("content-type"), "application/careconnect-revocations+jwt");
    assert_eq!(answer.header("cache-control"), "public, max-age=1");
    assert!(answer.body.len() < 600, "{}", answer.body.len());
}

#[tokio::test]
async fn the_list_stays_the_same_until_it_says_something_else_or_is_a_minute_old() {
    let (server, consumer) = scene().await;
    let first = list(&server, None).await;
    server.clock.advance(59);
    server.caught_up().await;
    server.register(crate::support::test_server::consumer()).await; // another revision, and nothing that is revoked
    assert_eq!(list(&server, None).await.text(), first.text());
    let known = list(&server, Some(first.header("etag"))).await;
    assert_eq!((known.status.as_u16(), known.header("etag")), (304, first.header("etag")));
    server.clock.advance(1);
    let second = list(&server, Some(first.header("etag"))).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.header("etag"), first.header("etag"));
    let lost = token(&server, &consumer).await;
    revoke(&server, &consumer, &lost).await;
    let third = list(&server, Some(second.header("etag"))).await;
    assert_eq!(third.status, 200);
    assert_eq!(listed(&server).await["tokens"], json!([claims(&lost)["jti"]]));
}

#[tokio::test]
async fn what_cannot_matter_any_more_is_left_out() {
    let (server, consumer) = scene().await;
    let database = server.database.handle();
    let client_id = &consumer.consumer.client_id;
    let lost = token(&server, &consumer).await;
    revoke(&server, &consumer, &lost).await;
    let path = format!("/consumers/{client_id}/token-revocations");
    assert_eq!(server.admin().post(&path, &json!({})).await.status, 200);
    let at = server.clock.now().0;
    let whole = json!([{ "client_id": client_id, "issued_up_to": at }]);
    assert_eq!(listed(&server).await, json!({ "tokens": [claims(&lost)["jti"]], "clients": whole, "keys": [] }));
    server.clock.advance(300 + 360);
    assert_eq!(listed(&server).await["tokens"], json!([claims(&lost)["jti"]]));
    server.clock.advance(1);
    server.caught_up().await;
    crate::support::soon::until("one is dropped", async || server.running.app.registry.revoked_count() == 1).await;
    server.clock.advance(60); // the list is signed again once a minute at least
    assert_eq!(listed(&server).await, json!({ "tokens": [], "clients": whole, "keys": [] }));
    assert_eq!(database.prune_revoked_tokens(server.clock.now()).await.unwrap(), 1);
    server.clock.advance(3_960);
    crate::support::soon::until("nothing is left", async || server.running.app.registry.revoked_count() == 0).await;
    assert_eq!(listed(&server).await, nothing());
    assert_eq!(database.prune_revoked_tokens(server.clock.now()).await.unwrap(), 1);
    assert_eq!(database.list_revoked_tokens().await.unwrap(), []);
}

#[tokio::test]
async fn consumers_that_are_suspended_or_retired_are_named_until_their_last_token_has_ended() {
    let (server, consumer) = scene_with("registry.max_staleness_seconds = 600\n").await;
    let other = server.register(crate::support::test_server::consumer()).await;
    let database = server.database.handle();
    let mut named: Vec<_> = [&consumer, &other].map(|consumer| consumer.consumer.client_id.clone()).into();
    let now = server.clock.now();
    let ends = [RegistrationStatus::Suspended { at: now }, RegistrationStatus::Retired { at: now }];
    for (client_id, status) in named.iter().zip(ends) {
        database.set_consumer_status(client_id, status).await.unwrap();
    }
    server.caught_up().await;
    named.sort();
    let whole: Vec<_> = named.iter().map(|client_id| json!({ "client_id": client_id })).collect();
    assert_eq!(listed(&server).await["clients"], json!(whole));
    server.clock.advance(600 + 3_960);
    crate::support::soon::until("a fresh register", async || server.running.app.registry.age(server.clock.now()) == 0)
        .await;
    assert_eq!(listed(&server).await["clients"], json!(whole), "a node that was cut off issued until then");
    server.clock.advance(61);
    assert_eq!(listed(&server).await["clients"], json!([]));
    database.set_consumer_status(&consumer.consumer.client_id, RegistrationStatus::Active).await.unwrap();
    server.caught_up().await;
    assert_eq!(listed(&server).await["clients"], json!([]));
}

/// A provider's verifier, which follows `source`.
async fn verifier(server: &TestServer, source: FixedRevocations) -> TokenVerifier {
    let keys =
        KeySet::parse(&server.get(&format!("{}/.well-known/jwks.json", server.issuer_path())).await.body).unwrap();
    let now = server.clock.now().0;
    let verifier = TokenVerifier::for_issuer(server.issuer())
        .audience(crate::support::test_server::ROOT)
        .keys(FixedKeys::new(keys))
        .revocations(source)
        .clock(move || now)
        .build()
        .unwrap();
    verifier.refresh_revocations().await.unwrap();
    verifier
}

#[tokio::test]
async fn a_verifier_that_follows_the_list_refuses_what_was_taken_back_and_takes_no_list_for_a_token() {
    // R24
    let (server, consumer) = scene().await;
    let other = server.register(crate::support::test_server::consumer()).await;
    let (lost, kept, others) =
        (token(&server, &consumer).await, token(&server, &consumer).await, token(&server, &other).await);
    let source = FixedRevocations::new(list(&server, None).await.body);
    let verifier = verifier(&server, source.clone()).await;
    let verdicts = || [&lost, &kept, &others].map(|token| verifier.verify_offline(token).is_ok());
    assert_eq!(verdicts(), [true, true, true]);
    let look_again = async || {
        source.replace(list(&server, None).await.body);
        verifier.refresh_revocations().await.unwrap();
    };
    revoke(&server, &consumer, &lost).await;
    look_again().await;
    assert_eq!(verdicts(), [false, true, true]);
    let path = format!("/consumers/{}/token-revocations", consumer.consumer.client_id);
    assert_eq!(server.admin().post(&path, &json!({})).await.status, 200);
    look_again().await;
    assert_eq!(verdicts(), [false, false, true]);
    let suspended = RegistrationStatus::Suspended { at: server.clock.now() };
    server.database.handle().set_consumer_status(&other.consumer.client_id, suspended).await.unwrap();
    server.caught_up().await;
    look_again().await;
    assert_eq!(verdicts(), [false, false, false]);
    let rejection = verifier.verify_offline(&list(&server, None).await.text()).unwrap_err();
    assert!(rejection.to_string().contains("careconnect-revocations+jwt"), "{rejection}");
}

#[tokio::test]
async fn a_consumer_with_very_many_revoked_tokens_is_named_instead_of_them() {
    // R54
    let (server, consumer) = scene().await;
    let (database, now) = (server.database.handle(), server.clock.now());
    let client_id = &consumer.consumer.client_id;
    for number in 0..101 {
        if number == 100 {
            server.caught_up().await;
            assert_eq!(listed(&server).await["tokens"].as_array().unwrap().len(), 100);
        }
        let revoked = RevokedToken::one(client_id.clone(), Uuid::from_u128(number), None, now);
        revoke_token(database, revoked, act(now)).await.unwrap();
    }
    server.caught_up().await;
    let listed = listed(&server).await;
    assert_eq!(listed["tokens"], json!([]));
    assert_eq!(listed["clients"], json!([{ "client_id": client_id, "issued_up_to": now.0 }]));
}

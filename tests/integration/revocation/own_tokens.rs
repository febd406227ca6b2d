//! RFC 7009: a consumer takes back what is its own.

use careconnect_auth::{clock::Clock, domain::CertificateIdentity};
use serde_json::json;

use super::{REVOKE, about, claims, is_active, listed, nothing, revoke, scene, token};
use crate::{
    support::{
        log::Log,
        requests::TokenCall,
        test_server::{ROOT, TestServer, consumer, consumer_with_certificate},
    },
    token::by_assertion::Scene,
};

#[tokio::test]
async fn a_token_that_is_taken_back_counts_no_longer_at_once_and_others_go_on() {
    // R48, R8
    let (server, consumer) = scene().await;
    let (lost, kept) = (token(&server, &consumer).await, token(&server, &consumer).await);
    assert!(is_active(&server, &consumer, &lost).await);
    let answer = revoke(&server, &consumer, &lost).await;
    assert_eq!((answer.status.as_u16(), answer.body.len(), answer.header("cache-control")), (200, 0, "no-store"));
    assert!(!is_active(&server, &consumer, &lost).await);
    assert!(is_active(&server, &consumer, &kept).await);
    assert_eq!(listed(&server).await["tokens"], json!([claims(&lost)["jti"]]));
    assert_eq!(revoke(&server, &consumer, &lost).await.status, 200, "again");
    let records = server.admin().get("/audit?action=revoked_token.revoked").await.json()["items"].clone();
    assert_eq!(records.as_array().unwrap().len(), 1, "{records}");
    let client_id = consumer.consumer.client_id.as_str();
    assert_eq!(records[0]["actor"], json!({ "name": client_id, "via": "consumer" }));
    assert_eq!(records[0]["after"]["jti"], claims(&lost)["jti"]);
}

#[tokio::test]
async fn what_is_no_token_that_counts_is_answered_alike_and_changes_nothing() {
    // R48
    let (server, consumer) = scene().await;
    let ended = token(&server, &consumer).await;
    server.clock.advance(300 + 60);
    server.caught_up().await;
    let good = token(&server, &consumer).await;
    let stranger = TestServer::start().await;
    stranger.register_provider(|_| {}).await;
    let other = stranger.register(crate::support::test_server::consumer()).await;
    let of_another_issuer = token(&stranger, &other).await;
    let before = server.database.handle().revision().await.unwrap();
    let forged = format!("{}x", &good[..good.len() - 1]);
    let huge = "a".repeat(20_000);
    for no_token in ["x", "a.b.c", "", &forged, &good[1..], &format!("{good}.x"), &ended, &of_another_issuer, &huge] {
        let answer = revoke(&server, &consumer, if no_token.is_empty() { " " } else { no_token }).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, String::new()), "{no_token}");
    }
    assert_eq!(server.database.handle().revision().await.unwrap(), before);
    assert_eq!(listed(&server).await, nothing());
    assert!(is_active(&server, &consumer, &good).await);
}

#[tokio::test]
async fn another_consumers_token_is_refused_and_goes_on_counting() {
    // R48
    let (server, owner) = scene().await;
    let stranger = server.register(consumer()).await;
    let token = token(&server, &owner).await;
    let answer = revoke(&server, &stranger, &token).await;
    assert_eq!(answer.refused(400), ("invalid_request".into(), "token_of_another_consumer".into()));
    assert!(!answer.text().contains(owner.consumer.client_id.as_str()), "{}", answer.text());
    assert!(is_active(&server, &owner, &token).await);
    assert!(!is_active(&server, &stranger, &token).await);
    assert_eq!(listed(&server).await, nothing());
}

#[tokio::test]
async fn a_token_can_be_taken_back_for_as_long_as_a_verifier_may_accept_it() {
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    server.clock.advance(300 + 59);
    assert_eq!(revoke(&server, &consumer, &token).await.status, 200);
    assert_eq!(listed(&server).await["tokens"], json!([claims(&token)["jti"]]));
}

#[tokio::test]
async fn nobody_revokes_without_a_proof_and_each_request_says_what_is_wrong() {
    // R9, R10, R11, R12, R14
    let (server, consumer) = scene().await;
    let (token, id) = (token(&server, &consumer).await, consumer.consumer.client_id.to_string());
    let plain = || server.token().to(REVOKE).field("token", &token);
    for call in [plain(), plain().field("client_id", &id), plain().basic(&id, "wrong"), plain().basic("nobody", "x")] {
        let answer = call.send().await;
        assert_eq!(answer.refused(401), ("invalid_client".into(), "client_authentication_failed".into()));
        assert!(answer.header("www-authenticate").starts_with("Basic "));
    }
    let refused = async |call: TokenCall<'_>| call.to(REVOKE).send().await.refused(400).1;
    assert_eq!(refused(about(&server, &consumer, &token).field("token", &token)).await, "parameter_repeated");
    assert_eq!(refused(about(&server, &consumer, &token).without("token")).await, "token_missing");
    assert_eq!(refused(about(&server, &consumer, &token).field("client_secret", "x")).await, "two_mechanisms");
    let path = format!("{}{REVOKE}?token={token}", server.issuer_path());
    let in_url = server.client().post(server.url(&path)).send().await.unwrap();
    assert_eq!(in_url.status(), 400);
    assert_eq!(server.get(&format!("{}{REVOKE}", server.issuer_path())).await.refused(405).1, "method_not_allowed");
    assert!(is_active(&server, &consumer, &token).await);
}

#[tokio::test]
async fn each_way_of_proving_revokes_and_an_assertion_does_it_once() {
    // R21
    let scene = Scene::new().await;
    let token = scene.call(&scene.signed(json!({}), json!({}))).send().await.token();
    let assertion = scene.signed(json!({}), json!({}));
    let by_assertion = || scene.call(&assertion).field("token", &token);
    assert_eq!(by_assertion().to(REVOKE).send().await.status, 200);
    assert_eq!(by_assertion().to(super::INTROSPECT).send().await.refused(401).1, "assertion_replayed");
    let fresh = scene.signed(json!({}), json!({}));
    let answer = scene.call(&fresh).field("token", &token).to(super::INTROSPECT).send().await;
    assert_eq!(answer.text(), r#"{"active":false}"#);

    let server = &scene.server;
    let identity = server.client_authority.client("booking.trust.nhs.uk");
    let name = CertificateIdentity::parse("san_dns", "booking.trust.nhs.uk").unwrap();
    server.register(consumer_with_certificate(name)).await;
    let by_certificate = || TokenCall::new(server, server.client_with(&identity)).field("resource", ROOT);
    let token = by_certificate().send().await.token();
    let ask =
        async || by_certificate().field("token", &token).to(super::INTROSPECT).send().await.json()["active"].clone();
    assert_eq!(ask().await, true);
    assert_eq!(by_certificate().field("token", &token).to(REVOKE).send().await.status, 200);
    assert_eq!(ask().await, false);
}

#[tokio::test]
async fn a_revocation_that_cannot_be_recorded_is_not_acknowledged() {
    // R56
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    server.database.take_away().await;
    let answer = revoke(&server, &consumer, &token).await;
    assert_eq!(answer.refused(503), ("temporarily_unavailable".into(), "revocation_not_recorded".into()));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(is_active(&server, &consumer, &token).await);
    server.database.give_back().await;
    crate::support::soon::until("the database", async || revoke(&server, &consumer, &token).await.status == 200).await;
    assert!(!is_active(&server, &consumer, &token).await);
}

#[tokio::test]
async fn a_consumer_cannot_let_register_and_audit_grow_without_bound() {
    // R54
    let (server, consumer) = scene().await;
    let mut tokens = Vec::new();
    for _ in 0..101 {
        tokens.push(token(&server, &consumer).await);
    }
    for token in &tokens[..100] {
        assert_eq!(revoke(&server, &consumer, token).await.status, 200);
    }
    let answer = revoke(&server, &consumer, &tokens[100]).await;
    assert_eq!(answer.refused(429), ("temporarily_unavailable".into(), "too_many_revocations".into()));
    assert_eq!(answer.header("retry-after"), "36");
    assert_eq!(revoke(&server, &consumer, &tokens[0]).await.status, 200, "what is revoked already costs nothing");
    assert_eq!(listed(&server).await["tokens"].as_array().unwrap().len(), 100);
    server.clock.advance(36);
    assert_eq!(revoke(&server, &consumer, &tokens[100]).await.status, 200);
}

#[tokio::test]
async fn no_token_is_in_the_log_of_what_is_done_with_it() {
    // R55
    let log = Log::capture_from(tracing::Level::TRACE);
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let parts: Vec<&str> = token.split('.').skip(1).collect();
    assert!(is_active(&server, &consumer, &token).await);
    assert_eq!(revoke(&server, &consumer, &token).await.status, 200);
    assert_eq!(server.token().to(REVOKE).field("token", &token).send().await.status, 401);
    let bodies = json!({ "token": token, "jti": token, "client_id": token });
    let refused = server.admin().post("/revoked-tokens", &bodies).await;
    assert_eq!(refused.problem(422), "invalid");
    assert_eq!(server.admin().post("/revoked-tokens", &json!({ "token": format!("{token}x") })).await.status, 422);
    let audit = server.admin().get("/audit").await.text();
    let text = log.text();
    assert!(text.contains("token introspected") && text.contains("revocation refused"), "{text}");
    for part in parts {
        assert!(!text.contains(part) && !audit.contains(part) && !refused.text().contains(part));
    }
    let _now = server.clock.now();
}

//! A provider whose verifier follows the list.

use std::{sync::Arc, time::Duration};

use careconnect_auth::{
    clock::Clock,
    operations::{change_keys::KeyWork, withdraw_key::withdraw_key},
};
use careconnect_verifier::{RemoteKeys, RemoteRevocations, TokenVerifier, UnverifiedText};
use serde_json::{Value, json};

use super::{LIST, revoke, scene, token};
use crate::support::{
    changes::act,
    soon::until,
    test_server::{ROOT, TestServer},
};

/// Follows the list of the node at `port`.
fn verifier(server: &TestServer, port: u16) -> TokenVerifier {
    let authority = server.server_authority.pem();
    let keys = RemoteKeys::from_url(format!("{}/.well-known/jwks.json", server.issuer()))
        .certificate_authority(&authority)
        .cooldown(Duration::from_secs(1));
    let revocations = RemoteRevocations::from_url(format!("https://localhost:{port}{}{LIST}", server.issuer_path()))
        .certificate_authority(&authority)
        .poll_every(Duration::from_secs(1));
    let clock = Arc::clone(&server.clock);
    TokenVerifier::for_issuer(server.issuer())
        .audience(ROOT)
        .keys(keys.build().unwrap())
        .revocations(revocations.build().unwrap())
        .clock(move || clock.now().0)
        .build()
        .unwrap()
}

async fn verdict(verifier: &TokenVerifier, token: &str) -> &'static str {
    verifier.verify(token).await.map_or_else(|rejection| rejection.reason(), |_| "accepted")
}

#[tokio::test]
async fn a_provider_that_follows_the_list_refuses_what_was_withdrawn_on_any_node() {
    // R48
    let (server, consumer) = scene().await;
    let other = server.another_node().await;
    let verifier = verifier(&server, other.address.port());
    let [lost, kept] = [token(&server, &consumer).await, token(&server, &consumer).await];
    assert_eq!([verdict(&verifier, &lost).await, verdict(&verifier, &kept).await], ["accepted"; 2]);

    assert_eq!(revoke(&server, &consumer, &lost).await.status, 200);
    until("the token is refused", async || verdict(&verifier, &lost).await == "revoked").await;
    assert_eq!(verdict(&verifier, &kept).await, "accepted");

    let path = format!("/consumers/{}", consumer.consumer.client_id);
    let suspended = server.admin().patch(&path, "*", &json!({ "status": "suspended" })).await;
    assert_eq!(suspended.status, 200, "{}", suspended.text());
    until("the consumer's tokens are refused", async || verdict(&verifier, &kept).await == "revoked").await;
    let state = verifier.revocation_state().unwrap();
    assert_eq!((state.is_stale, state.tokens, state.clients, state.failure), (false, 1, 1, None));
    other.stop().await;
}

#[tokio::test]
async fn what_a_withdrawn_key_signed_is_refused_and_its_successor_is_believed() {
    let (server, consumer) = scene().await;
    let verifier = verifier(&server, server.running.address.port());
    let stolen = token(&server, &consumer).await;
    assert_eq!(verdict(&verifier, &stolen).await, "accepted");
    let header = UnverifiedText::read(stolen.as_bytes()).unwrap().header;
    let header: Value = serde_json::from_str(&header).unwrap();
    let kid = header["kid"].as_str().unwrap();
    withdraw_key(&KeyWork::of(&server.running.app), kid, act(server.clock.now())).await.unwrap();
    // Revoked while its key is still cached, unknown as soon as the successor had the keys fetched.
    until("the list names the key", async || verifier.revocation_state().unwrap().keys == 1).await;
    assert!(["revoked", "unknown_kid"].contains(&verdict(&verifier, &stolen).await));
    assert_eq!(verdict(&verifier, &token(&server, &consumer).await).await, "accepted");
}

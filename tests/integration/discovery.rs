//! What consumers and providers find without being told: metadata and keys.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::support::{requests::send, test_server::TestServer};

const JWKS: &str = "/careconnect/.well-known/jwks.json";

#[tokio::test]
async fn metadata_is_found_in_both_well_known_forms_and_says_the_truth() {
    // R46
    let server = TestServer::start().await;
    for name in ["oauth-authorization-server", "openid-configuration", "smart-configuration"] {
        let before = server.get(&format!("/.well-known/{name}/careconnect")).await.json();
        let behind = server.get(&format!("/careconnect/.well-known/{name}")).await.json();
        assert_eq!(before, behind);
        assert_eq!(before["issuer"], server.issuer(), "{name}");
        assert_eq!(before["token_endpoint"], format!("{}/oauth2/token", server.issuer()), "{name}");
        assert_eq!(before["jwks_uri"], format!("{}/.well-known/jwks.json", server.issuer()), "{name}");
        assert_eq!(before["grant_types_supported"], serde_json::json!(["client_credentials"]), "{name}");
    }
}

#[tokio::test]
async fn metadata_does_not_depend_on_what_the_caller_calls_us() {
    // R46
    let server = TestServer::start().await;
    let path = "/careconnect/.well-known/oauth-authorization-server";
    let honest = server.get(path).await.body;
    let request = server
        .client()
        .get(server.url(path))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http")
        .header("x-rewrite-url", "/admin");
    assert_eq!(send(Method::GET, path, request).await.body, honest);
}

#[tokio::test]
async fn the_openid_form_has_what_msal_cannot_do_without() {
    let server = TestServer::start().await;
    let document = server.get("/careconnect/.well-known/openid-configuration").await.json();
    let authorise = document["authorization_endpoint"].as_str().unwrap();
    let path = authorise.strip_prefix(&server.url("")).unwrap();
    assert!((400..500).contains(&server.get(path).await.status.as_u16()));
}

#[tokio::test]
async fn the_key_set_has_a_public_key_for_each_algorithm_and_nothing_private() {
    // R43
    let server = TestServer::start().await;
    let keys = server.get(JWKS).await.json()["keys"].as_array().unwrap().clone();
    let allowed: BTreeSet<&str> = ["kty", "use", "alg", "kid", "crv", "x", "y", "n", "e"].into();
    for key in &keys {
        assert!(key.as_object().unwrap().keys().all(|name| allowed.contains(name.as_str())), "{key}");
        assert_eq!(key["use"], "sig");
    }
    let ids: BTreeSet<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), keys.len());
    let algorithms: BTreeSet<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert!(algorithms.is_superset(&["ES256", "ES384", "EdDSA"].into()), "{algorithms:?}");
}

#[tokio::test]
async fn the_key_set_can_be_cached_and_asked_for_again_cheaply() {
    let server = TestServer::start().await;
    let first = server.get(JWKS).await;
    assert_eq!(first.header("cache-control"), "public, max-age=300");
    let request = server.client().get(server.url(JWKS)).header("if-none-match", first.header("etag"));
    let again = send(Method::GET, JWKS, request).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), first.header("etag"));
}

#[tokio::test]
async fn documents_are_for_reading_only() {
    let server = TestServer::start().await;
    for path in [JWKS, "/careconnect/.well-known/oauth-authorization-server", "/openapi.yaml", "/health/ready"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let request = server.client().request(method.clone(), server.url(path));
            let answer = send(method.clone(), path, request).await;
            assert_eq!(answer.refused(405).1, "method_not_allowed", "{method} {path}");
            assert_eq!(answer.header("allow"), "GET,HEAD", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_contract_is_served_as_it_is() {
    let server = TestServer::start().await;
    let answer = server.get("/openapi.yaml").await;
    assert_eq!(answer.text(), include_str!("../../openapi.yaml"));
}

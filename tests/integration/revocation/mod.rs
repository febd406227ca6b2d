//! Tokens that are taken back, and who is told of it.

mod administration;
mod following;
mod introspection;
mod list;
mod nodes;
mod own_tokens;
mod providers;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_auth::{clock::Clock, operations::register_consumer::RegisteredConsumer};
use careconnect_verifier::KeySet;
use serde_json::{Value, json};

use crate::support::{
    requests::{Answer, TokenCall},
    soon::until,
    test_server::{ROOT, TestServer, consumer},
};

pub(crate) const REVOKE: &str = "/oauth2/revoke";
pub(crate) const INTROSPECT: &str = "/oauth2/introspect";
pub(crate) const LIST: &str = "/oauth2/revocations";

/// A server with a provider, and a consumer with a secret.
pub(super) async fn scene() -> (TestServer, RegisteredConsumer) {
    scene_with("").await
}

pub(super) async fn scene_with(toml: &str) -> (TestServer, RegisteredConsumer) {
    let server = TestServer::with(toml).await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    (server, registered)
}

pub(super) async fn token(server: &TestServer, consumer: &RegisteredConsumer) -> String {
    server.token_by_secret(consumer).send().await.token()
}

/// A request about `token` with the secret of `consumer`.
pub(super) fn about<'a>(server: &'a TestServer, consumer: &RegisteredConsumer, token: &str) -> TokenCall<'a> {
    server.token_by_secret(consumer).field("token", token)
}

pub(super) async fn revoke(server: &TestServer, consumer: &RegisteredConsumer, token: &str) -> Answer {
    about(server, consumer, token).to(REVOKE).send().await
}

/// Does the token count, as its consumer is told?
pub(super) async fn is_active(server: &TestServer, consumer: &RegisteredConsumer, token: &str) -> bool {
    let answer = about(server, consumer, token).to(INTROSPECT).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let active = answer.json()["active"].as_bool().unwrap();
    assert!(active || answer.text() == r#"{"active":false}"#, "{}", answer.text()); // R47
    active
}

/// The header and the claims of a JWS that one of the published keys has signed.
pub(super) async fn signed_by_server(server: &TestServer, jws: &str) -> (Value, Value) {
    let keys = server.get(&format!("{}/.well-known/jwks.json", server.issuer_path())).await.body;
    let decode = |part: &str| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let header: Value = decode(jws.split('.').next().unwrap());
    let payload =
        KeySet::parse(&keys).unwrap().find(header["kid"].as_str().unwrap()).unwrap().verify_jws(jws.as_bytes());
    (header, serde_json::from_slice(&payload.unwrap()).unwrap())
}

/// The claims of a token.
pub(super) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// What the list says beside who says it and when.
pub(super) async fn listed(server: &TestServer) -> Value {
    let registry = &server.running.app.registry;
    until("the register is seen", async || registry.age(server.clock.now()) == 0).await;
    let answer = server.get(&format!("{}{LIST}", server.issuer_path())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (header, claims) = signed_by_server(server, &answer.text()).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("careconnect-revocations+jwt"), &json!("ES256")));
    assert_eq!(claims["iss"], server.issuer());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    let names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["clients", "exp", "iat", "iss", "keys", "tokens"]);
    json!({ "tokens": claims["tokens"], "clients": claims["clients"], "keys": claims["keys"] })
}

/// A list that names nothing.
pub(super) fn nothing() -> Value {
    json!({ "tokens": [], "clients": [], "keys": [] })
}

/// Another provider's service root.
pub(super) const OTHER_ROOT: &str = "https://other.thirdparty.nhs.uk/B82617/STU3/1";

pub(super) async fn other_provider(server: &TestServer) {
    server
        .register_provider(|provider| {
            provider.asid = "200000000360".parse().unwrap();
            provider.ods_code = "B82617".parse().unwrap();
            provider.service_root = OTHER_ROOT.parse().unwrap();
        })
        .await;
    assert_ne!(ROOT, OTHER_ROOT);
}

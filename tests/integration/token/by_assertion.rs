//! `private_key_jwt`.

use careconnect_auth::{
    clock::Clock,
    domain::CredentialKind,
    operations::register_consumer::{ConsumerRegistration, RegisteredConsumer},
};
use careconnect_verifier::Algorithm;
use serde_json::{Value, json};
use tracing::Level;

use crate::support::{
    assertion::{AssertionKey, JWT_BEARER, encoded, unsigned, with},
    changes::{Changes, RETIRED, SUSPENDED},
    log::Log,
    requests::{Answer, TokenCall},
    test_server::{ROOT, TestServer, consumer},
};

/// A server, and a consumer that signs as the NHS API platform asks.
pub(crate) struct Scene {
    pub(crate) server: TestServer,
    key: AssertionKey,
    consumer: RegisteredConsumer,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    async fn with(configuration: &str) -> Self {
        let server = TestServer::with(configuration).await;
        server.register_provider(|_| {}).await;
        let key = AssertionKey::new(Algorithm::Rs512);
        let consumer = server.register(signer(&key)).await;
        Self { server, key, consumer }
    }

    fn client_id(&self) -> &str {
        self.consumer.consumer.client_id.as_str()
    }

    /// Claims that are right, once.
    fn claims(&self) -> Value {
        let (client, now) = (self.client_id(), self.server.clock.now().0);
        let jti = careconnect_auth::random::uuid();
        json!({ "iss": client, "sub": client, "aud": self.server.issuer(), "exp": now + 300, "jti": jti })
    }

    pub(crate) fn signed(&self, header_changes: Value, claim_changes: Value) -> String {
        self.key.sign(&with(&header(), header_changes), &with(&self.claims(), claim_changes))
    }

    pub(crate) fn call(&self, assertion: &str) -> TokenCall<'_> {
        let call = self.server.token().field("resource", ROOT);
        call.field("client_assertion_type", JWT_BEARER).field("client_assertion", assertion)
    }

    async fn outcome(&self, header_changes: Value, claim_changes: Value) -> Answer {
        self.call(&self.signed(header_changes, claim_changes)).send().await
    }
}

fn header() -> Value {
    json!({ "alg": "RS512", "typ": "JWT", "kid": "test-1" })
}

/// A consumer that proves itself with `key`, and with nothing else.
fn signer(key: &AssertionKey) -> ConsumerRegistration {
    let credentials = vec![CredentialKind::Key(key.registered_as("test-1"))];
    ConsumerRegistration { credentials, with_secret: false, ..consumer() }
}

#[tokio::test]
async fn without_a_record_of_used_assertions_none_is_accepted() {
    // R56
    let scene = Scene::new().await;
    scene.server.database.take_away().await;
    let answer = scene.outcome(json!({}), json!({})).await;
    assert_eq!(answer.refused(503), ("temporarily_unavailable".into(), "assertion_store_unavailable".into()));
    assert_eq!((answer.header("retry-after"), answer.header("cache-control")), ("1", "no-store"));
    scene.server.database.give_back().await;
}

#[tokio::test]
async fn an_assertion_is_used_once() {
    // R21
    let scene = Scene::new().await;
    let assertion = scene.signed(json!({}), json!({}));
    let ask = async || scene.call(&assertion).send().await;
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    let (granted, refused): (Vec<_>, Vec<_>) = [one, two, three].into_iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1);
    for answer in refused.into_iter().chain([ask().await]) {
        assert_eq!(answer.refused(401), ("invalid_client".into(), "assertion_replayed".into()));
    }
    scene.outcome(json!({}), json!({})).await.token();
}

#[tokio::test]
async fn a_refused_assertion_is_not_used_up_and_an_id_is_one_clients_own() {
    // R21: nobody can use up the ids of a client whose key they do not have
    let scene = Scene::new().await;
    let other = scene.server.register(signer(&scene.key)).await.consumer.client_id;
    let same_id = json!({ "jti": "one" });
    let strangers = AssertionKey::new(Algorithm::Es256)
        .sign(&with(&header(), json!({ "alg": "ES256" })), &with(&scene.claims(), same_id.clone()));
    assert_eq!(scene.call(&strangers).send().await.refused(401).1, "assertion_signature");
    let late = scene.outcome(json!({}), json!({ "jti": "one", "exp": 1 })).await;
    assert_eq!(late.refused(401).1, "assertion_expired");
    scene.outcome(json!({}), json!({ "jti": "one", "iss": other, "sub": other })).await.token();
    scene.outcome(json!({}), same_id.clone()).await.token();
    assert_eq!(scene.outcome(json!({}), same_id).await.refused(401).1, "assertion_replayed");
}

#[tokio::test]
async fn the_request_of_the_nhs_api_platform_proves_its_consumer() {
    // R18: exactly the fields that its guide shows, with the token endpoint as audience
    let scene = Scene::new().await;
    let lenient = ConsumerRegistration { accepts_token_endpoint_audience: true, ..signer(&scene.key) };
    let lenient = scene.server.register(lenient).await.consumer.client_id;
    let endpoint = format!("{}/oauth2/token", scene.server.issuer());
    let for_endpoint = |client: &str| scene.signed(json!({}), json!({ "iss": client, "sub": client, "aud": endpoint }));

    let token = scene.call(&for_endpoint(lenient.as_str())).send().await.token();
    assert_eq!(scene.server.verify(ROOT, &token).await.client_id(), &lenient);
    let strict = scene.call(&for_endpoint(scene.client_id())).send().await;
    assert_eq!(strict.refused(401), ("invalid_client".into(), "assertion_audience".into()));
}

#[tokio::test]
async fn the_client_id_may_be_left_out_or_be_that_of_the_assertion() {
    // R19
    let scene = Scene::new().await;
    let signed = || scene.signed(json!({}), json!({}));
    scene.call(&signed()).send().await.token();
    scene.call(&signed()).field("client_id", scene.client_id()).send().await.token();
    let other = scene.server.register(signer(&scene.key)).await.consumer.client_id;
    let answer = scene.call(&signed()).field("client_id", other.as_str()).send().await;
    assert_eq!(answer.refused(401), ("invalid_client".into(), "assertion_issuer".into()));
}

#[tokio::test]
async fn each_wrong_assertion_is_refused_with_its_reason() {
    // R18, R19, R20, R21, R22, R23, R24, R54
    let unlimited = "limits.failures_per_consumer_and_address = 0\nlimits.failures_per_address = 0\n";
    let scene = Scene::with(unlimited).await;
    let now = scene.server.clock.now().0;
    let (stranger, other_algorithm) = (AssertionKey::new(Algorithm::Es256), AssertionKey::new(Algorithm::Rs256));
    let (h, c) = (|changes| scene.signed(changes, json!({})), |changes| scene.signed(json!({}), changes));
    let good = unsigned(&header(), &scene.claims());
    let own = stranger.jwk(&json!({ "kid": "own" }));
    let es256 = json!({ "alg": "ES256", "kid": "test-1" });
    let claims = scene.claims();
    let deep = format!(
        "{}.{}.c2ln",
        encoded(format!(r#"{{"alg":"RS512","x":{}"#, "[".repeat(8_000)).as_bytes()),
        encoded(b"{}")
    );
    let rows = [
        (String::from("garbage"), "assertion_malformed"),
        ("a.b".to_owned(), "assertion_malformed"),
        ("a.b.c.d.e".to_owned(), "assertion_malformed"),
        (".".repeat(30_000), "assertion_malformed"),
        (format!("{} ", h(json!({}))), "assertion_malformed"),
        (r#"{"payload":"e30"}"#.to_owned(), "assertion_malformed"),
        (deep, "assertion_malformed"),
        (h(json!({ "crit": ["exp"] })), "assertion_malformed"),
        (h(json!({ "b64": false })), "assertion_malformed"),
        (c(json!({ "iat": "1" })), "assertion_malformed"),
        (c(json!({ "nbf": "1" })), "assertion_malformed"),
        (h(json!({ "alg": "none" })), "assertion_algorithm"),
        (format!("{}.", unsigned(&json!({ "alg": "None" }), &claims)), "assertion_algorithm"),
        (h(json!({ "alg": null })), "assertion_algorithm"),
        (h(json!({ "alg": "HS256" })), "assertion_algorithm"),
        (h(json!({ "kid": null })), "assertion_key_not_named"),
        (h(json!({ "kid": 1 })), "assertion_key_not_named"),
        (h(json!({ "kid": "unknown" })), "assertion_key_unknown"),
        (h(json!({ "kid": "' OR 1=1 --" })), "assertion_key_unknown"),
        (c(json!({ "iss": "other" })), "assertion_issuer"),
        (c(json!({ "sub": null })), "assertion_issuer"),
        (stranger.sign(&es256, &claims), "assertion_signature"),
        (stranger.sign(&header(), &claims), "assertion_signature"),
        (stranger.sign(&with(&es256, json!({ "jwk": own })), &claims), "assertion_signature"),
        (stranger.sign(&with(&es256, json!({ "kid": "own", "jwk": own })), &claims), "assertion_key_unknown"),
        (h(json!({ "alg": "RS256" })), "assertion_signature"),
        (other_algorithm.sign(&with(&header(), json!({ "alg": "RS256" })), &claims), "assertion_signature"),
        (format!("{good}."), "assertion_signature"),
        (format!("{good}.{}", encoded(&[0; 256])), "assertion_signature"),
        (h(json!({ "typ": "at+jwt" })), "assertion_type_header"),
        (c(json!({ "aud": null })), "assertion_audience"),
        (c(json!({ "aud": 1 })), "assertion_audience"),
        (c(json!({ "aud": [scene.server.issuer(), "https://evil.example"] })), "assertion_audience"),
        (c(json!({ "exp": null })), "assertion_expiry_missing"),
        (c(json!({ "exp": (now + 300).to_string() })), "assertion_expiry_missing"),
        (c(json!({ "exp": -1 })), "assertion_expiry_missing"),
        (c(json!({ "exp": u64::MAX })), "assertion_expiry_missing"),
        (c(json!({ "exp": now - 300 })), "assertion_expired"),
        (c(json!({ "exp": now + 31_536_000 })), "assertion_lifetime"),
        (c(json!({ "nbf": now + 90 })), "assertion_not_yet_valid"),
        (c(json!({ "iat": now + 90 })), "assertion_not_yet_valid"),
        (c(json!({ "jti": null })), "assertion_id_missing"),
        (c(json!({ "jti": 7 })), "assertion_id_missing"),
        (c(json!({ "jti": "x".repeat(10_000) })), "assertion_id_missing"),
    ];
    for (number, (assertion, reason)) in rows.into_iter().enumerate() {
        let answer = scene.call(&assertion).send().await;
        assert_eq!(answer.refused(401), ("invalid_client".to_owned(), reason.to_owned()), "row {number}");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="), "row {number}");
    }
    scene.outcome(json!({}), json!({})).await.token();
}

#[tokio::test]
async fn a_form_with_half_an_assertion_or_two_proofs_is_refused() {
    // R10
    let scene = Scene::new().await;
    let assertion = scene.signed(json!({}), json!({}));
    let bare = || scene.server.token().field("resource", ROOT);
    let upper = JWT_BEARER.to_uppercase();
    let rows = [
        (bare().field("client_assertion", &assertion), "assertion_type_wrong"),
        (bare().field("client_assertion", &assertion).field("client_assertion_type", ""), "assertion_type_wrong"),
        (bare().field("client_assertion", &assertion).field("client_assertion_type", &upper), "assertion_type_wrong"),
        (bare().field("client_assertion_type", JWT_BEARER), "assertion_missing"),
        (scene.call(&assertion).field("client_secret", "s"), "two_mechanisms"),
        (scene.call(&assertion).basic(scene.client_id(), "s"), "two_mechanisms"),
        (scene.call(&assertion).field("client_assertion", &assertion), "parameter_repeated"),
    ];
    for (number, (call, reason)) in rows.into_iter().enumerate() {
        let answer = call.send().await;
        assert_eq!(answer.refused(400), ("invalid_request".to_owned(), reason.to_owned()), "row {number}");
    }
}

#[tokio::test]
async fn an_unknown_client_is_told_what_an_unknown_key_is_told() {
    // R13, R9
    let log = Log::capture();
    let scene = Scene::new().await;
    let with_secret_only = scene.server.register(consumer()).await.consumer.client_id;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let mut bodies = Vec::new();
    for client in [unknown, scene.client_id(), with_secret_only.as_str()] {
        let answer = scene.outcome(json!({ "kid": "x" }), json!({ "iss": client, "sub": client })).await;
        assert_eq!(answer.refused(401).1, "assertion_key_unknown", "{client}");
        let mut body = answer.json();
        body.as_object_mut().unwrap().remove("trace_id");
        bodies.push(body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    for check in ["consumer_unknown", "assertion_key_unknown"] {
        assert!(log.text().contains(&format!("\"check\":\"{check}\"")), "the operator is told: {}", log.text());
    }
}

#[tokio::test]
async fn a_consumer_with_a_key_comes_in_by_no_other_way() {
    // R9
    let scene = Scene::new().await;
    let call = || scene.server.token().field("resource", ROOT);
    let by_secret = call().basic(scene.client_id(), "secret").send().await;
    let by_name = call().field("client_id", scene.client_id()).send().await;
    for answer in [by_secret, by_name] {
        assert_eq!(answer.refused(401).1, "client_authentication_failed");
    }
}

#[tokio::test]
async fn a_suspended_or_retired_consumer_is_refused_whatever_it_signs() {
    // R9
    let scene = Scene::new().await;
    let client_id = &scene.consumer.consumer.client_id;
    for status in [SUSPENDED, RETIRED] {
        scene.server.database.handle().set_consumer_status(client_id, status).await.unwrap();
        scene.server.caught_up().await;
        let answer = scene.outcome(json!({}), json!({})).await;
        assert_eq!(answer.refused(401).1, "client_authentication_failed");
    }
}

#[tokio::test]
async fn an_assertion_is_in_no_log_and_the_operator_sees_both_sides() {
    // R55
    let log = Log::capture_from(Level::TRACE);
    let scene = Scene::new().await;
    let (good, wrong) =
        (scene.signed(json!({}), json!({})), scene.signed(json!({}), json!({ "aud": "https://x\r\ny" })));
    scene.call(&good).send().await;
    let answer = scene.call(&wrong).send().await;
    assert!(answer.text().contains(scene.server.issuer()) && answer.text().contains("https://x"), "{}", answer.text());
    let text = log.text();
    assert!(text.contains("assertion_audience"));
    for hidden in [&good, &wrong] {
        let parts: Vec<_> = hidden.split('.').collect();
        assert!(!text.contains(parts[2]) && !text.contains(parts[1]), "{text}");
    }
}

//! `doctor assertion`.

use axum::http::StatusCode;
use careconnect_auth::{
    clock::{Clock, SystemClock},
    domain::CredentialKind,
    operations::register_consumer::{ConsumerRegistration, register_consumer},
};
use careconnect_verifier::Algorithm;
use serde_json::{Value, json};

use super::{doctor, doctor_in_words, failed};
use crate::support::{
    assertion::{AssertionKey, JWT_BEARER, encoded, unsigned, with},
    authority::NOW,
    changes::{Changes, SUSPENDED, act},
    command::run,
    key_host::{KEY, KeyHost},
    test_server::{ROOT, TestServer, consumer},
};

const ON_INPUT: &[&str] = &["assertion", "-"];

struct Scene {
    server: TestServer,
    key: AssertionKey,
    client_id: String,
}

impl Scene {
    async fn new() -> Self {
        let (server, key) = (TestServer::start().await, AssertionKey::new(Algorithm::Rs512));
        let credentials = vec![CredentialKind::Key(key.registered_as("test-1"))];
        Self::of(server, key, credentials).await
    }

    async fn of(server: TestServer, key: AssertionKey, credentials: Vec<CredentialKind>) -> Self {
        server.register_provider(|_| {}).await;
        let registration = ConsumerRegistration { credentials, with_secret: false, ..consumer() };
        let client_id = server.register(registration).await.consumer.client_id.to_string();
        Self { server, key, client_id }
    }

    fn signed(&self, in_header: Value, in_claims: Value) -> String {
        let (client, jti) = (&self.client_id, careconnect_auth::random::uuid());
        let claims =
            json!({ "iss": client, "sub": client, "aud": self.server.issuer(), "exp": NOW.0 + 300, "jti": jti });
        self.key.sign(
            &with(&json!({ "alg": "RS512", "typ": "JWT", "kid": "test-1" }), in_header),
            &with(&claims, in_claims),
        )
    }

    fn form(&self, assertion: &str) -> String {
        format!("grant_type=client_credentials&client_assertion_type={JWT_BEARER}&client_assertion={assertion}")
    }
}

#[tokio::test]
async fn an_assertion_that_is_right_passes_every_check_and_is_not_used_up() {
    // R21
    let scene = Scene::new().await;
    let assertion = scene.signed(json!({}), json!({}));
    for input in [assertion.clone(), format!("\n  {assertion}\r\n"), scene.form(&assertion)] {
        let (code, verdict) = doctor(&scene.server, ON_INPUT, &input);
        assert_eq!((code, &verdict["proven"], &verdict["client_id"]), (0, &json!(true), &json!(scene.client_id)));
        assert_eq!(verdict["checks"].as_array().unwrap().len(), 14, "{verdict}");
        assert!(verdict["told"].is_null() && verdict["advice"].is_null(), "{verdict}");
    }
    let call = || {
        let call = scene.server.token().field("resource", ROOT).field("client_assertion_type", JWT_BEARER);
        call.field("client_assertion", &assertion)
    };
    assert_eq!(call().send().await.status, 200);
    let replayed = doctor(&scene.server, ON_INPUT, &assertion);
    let [check, expected, received] = failed(&replayed);
    assert_eq!(check, "assertion_replayed");
    assert!(expected.contains("has not used") && received.contains("used before"), "{replayed:?}");
    let answer = call().send().await.json();
    assert_eq!(replayed.1["told"]["reason"], answer["reason"]);
    assert_eq!(replayed.1["told"]["error"], answer["error"]);
}

#[tokio::test]
async fn the_check_that_fails_is_shown_with_both_sides() {
    // R18, R19, R20, R22
    let scene = Scene::new().await;
    let issuer = format!("{:?}", scene.server.issuer());
    for (in_header, in_claims, check, expected, received) in [
        (json!({}), json!({ "aud": "https://int.api.service.nhs.uk" }), "assertion_audience", &*issuer, "int.api"),
        (json!({}), json!({ "exp": NOW.0 - 61 }), "assertion_expired", "2027-01-15T07:59:00Z", "2027-01-15T07:58:59Z"),
        (json!({ "kid": "test-2" }), json!({}), "assertion_key_unknown", "that the consumer has", "\"test-2\""),
        (json!({ "alg": "RS384" }), json!({}), "assertion_signature", "RS512", "RS384"),
        (json!({}), json!({ "iss": "x" }), "assertion_issuer", "client id", "iss \"x\""),
        (json!({}), json!({ "sub": "x", "iss": "x" }), "consumer_unknown", "registered", "\"x\""),
        (json!({}), json!({ "exp": "soon" }), "assertion_expiry_missing", "a number", "the string"),
        (json!({ "alg": "none" }), json!({}), "assertion_algorithm", "RS512", "\"none\""),
    ] {
        let assertion = scene.signed(in_header, in_claims);
        let verdict = doctor(&scene.server, ON_INPUT, &assertion);
        let sides = failed(&verdict);
        assert_eq!(sides[0], check);
        assert!(sides[1].contains(expected) && sides[2].contains(received), "{sides:?}");
        let answer = scene.server.token().field("resource", ROOT).field("client_assertion_type", JWT_BEARER);
        let answer = answer.field("client_assertion", &assertion).send().await;
        let told = &verdict.1["told"];
        assert_eq!((&told["reason"], &told["status"]), (&answer.json()["reason"], &json!(answer.status.as_u16())));
    }
}

#[tokio::test]
async fn an_operator_reads_it_as_lines_and_the_assertion_itself_is_never_shown() {
    // R55
    let scene = Scene::new().await;
    let assertion = scene.signed(json!({}), json!({ "aud": "https://elsewhere.nhs.uk" }));
    std::fs::write(scene.server.directory.path().join("a.jwt"), &assertion).unwrap();
    let said = doctor_in_words(&scene.server, &["assertion", "a.jwt"], "");
    assert_eq!(said.code, 1, "{said:?}");
    for part in
        ["ok      'iss' and 'sub'", "FAILED  'aud'", "expected  \"https://localhost", "401 invalid_client", "mend it"]
    {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    let malformed = format!("{}.{}", unsigned(&json!({ "alg": "RS512" }), &json!(["claims"])), encoded(b"signature"));
    for (assertion, said) in [(&assertion, &said), (&malformed, &doctor_in_words(&scene.server, ON_INPUT, &malformed))]
    {
        let shown = format!("{}{}", said.stdout, said.stderr);
        assert!(assertion.split('.').all(|part| !shown.contains(part)), "{shown}");
        assert_eq!(said.code, 1, "{said:?}");
    }
}

#[tokio::test]
async fn the_form_may_name_another_client_and_the_registration_may_be_suspended() {
    let scene = Scene::new().await;
    let assertion = scene.signed(json!({}), json!({}));
    let other = doctor(&scene.server, &["assertion", "-", "--client-id", "another"], &assertion);
    assert_eq!(failed(&other)[0], "assertion_issuer");
    let in_form = doctor(&scene.server, ON_INPUT, &format!("{}&client_id=another", scene.form(&assertion)));
    assert_eq!(failed(&in_form)[0], "assertion_issuer");
    let named = doctor(&scene.server, &["assertion", "-", "--client-id", &scene.client_id], &assertion);
    assert_eq!(named.0, 0, "{named:?}");
    let no_type = doctor(&scene.server, ON_INPUT, &format!("client_assertion={assertion}"));
    assert_eq!(failed(&no_type)[0], "assertion_type_wrong");

    let database = scene.server.database.handle();
    let client_id = scene.client_id.parse().unwrap();
    database.set_consumer_status(&client_id, SUSPENDED).await.unwrap();
    let suspended = doctor(&scene.server, ON_INPUT, &assertion);
    assert_eq!(failed(&suspended)[0], "consumer_suspended");
    assert_eq!(suspended.1["told"]["reason"], "client_authentication_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_consumer_publishes_are_fetched_now() {
    let host = KeyHost::start().await;
    let key = AssertionKey::new(Algorithm::Es256);
    host.publish("/jwks.json", &[key.jwk(&json!({ "kid": "published" })).to_string()]);
    let toml = format!(
        "assertions.jwks_ca_files = [{:?}]\nassertions.allow_private_jwks_addresses = true\n",
        host.directory.path().join("ca.pem")
    );
    let server = TestServer::with(&toml).await;
    let scene = Scene::of(server, key, vec![CredentialKind::KeySet(host.uri("/jwks.json"))]).await;
    let assertion = scene.signed(json!({ "alg": "ES256", "kid": "published" }), json!({}));
    let (code, verdict) = doctor(&scene.server, ON_INPUT, &assertion);
    assert_eq!(code, 0, "{verdict}");
    assert!(verdict["notes"][0].as_str().unwrap().contains("has 1 keys"), "{verdict}");

    host.answer("/jwks.json", StatusCode::NOT_FOUND, String::new());
    let without = doctor(&scene.server, ON_INPUT, &assertion);
    assert_eq!(failed(&without)[0], "assertion_key_unknown");
    assert!(without.1["notes"][0].as_str().unwrap().contains("404"), "{without:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tries_every_key_set_that_is_registered() {
    let host = KeyHost::start().await;
    let toml = format!(
        "assertions.jwks_ca_files = [{:?}]\nassertions.allow_private_jwks_addresses = true\n",
        host.directory.path().join("ca.pem")
    );
    let server = TestServer::with(&toml).await;
    host.publish(
        "/good",
        &[format!("{{{KEY},\"kid\":\"one\"}}"), format!("{{{KEY},\"kid\":\"two\",\"use\":\"enc\"}}")],
    );
    host.answer("/bad", StatusCode::NOT_FOUND, String::new());
    let credentials = ["/good", "/bad"].map(|path| CredentialKind::KeySet(host.uri(path))).into();
    let registration = ConsumerRegistration { credentials, with_secret: false, ..consumer() };
    register_consumer(server.database.handle(), registration, act(SystemClock.now())).await.unwrap();
    let found = run(server.directory.path(), &["doctor", "--json"]).success().json();
    let sets = found.as_array().unwrap().iter().filter(|finding| finding["check"] == "key sets");
    let sets: Vec<_> = sets.map(|set| (set["verdict"].as_str().unwrap(), set["detail"].as_str().unwrap())).collect();
    assert_eq!(sets[0], ("ok", "2 of 2 registered tried, 1 fetched"));
    assert!(sets[1].0 == "warning" && sets[1].1.contains("/bad: expected status 200, received 404"), "{sets:?}");
    assert!(sets[2].0 == "warning" && sets[2].1.contains("the key two is not used"), "{sets:?}");
}

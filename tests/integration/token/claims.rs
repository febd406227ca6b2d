//! What stands in a token, as raw JSON: the contract with readers that are not ours.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_auth::{clock::Clock, domain::ClaimsProfile};
use careconnect_verifier::Algorithm;
use serde_json::{Value, json};

use crate::support::test_server::{ROOT, TestServer, consumer};

fn part(token: &str, number: usize) -> Value {
    let text = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_has_exactly_these_claims() {
    // R1, R2
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;

    let token = server.token_by_secret(&registered).send().await.token();

    let (header, claims) = (part(&token, 0), part(&token, 1));
    let now = server.clock.now().0;
    assert_eq!(header, json!({ "alg": "ES256", "typ": "at+jwt", "kid": header["kid"] }));
    let prefix = "urn:nhs:names:services:careconnect:fhir:rest:";
    let groups = ["create:appointment", "read:appointment", "read:slot", "search:appointment", "update:appointment"];
    let expected = json!({
        "iss": server.issuer(),
        "sub": "https://fhir.nhs.uk/Id/accredited-system|200000000205",
        "aud": ROOT,
        "iat": now, "nbf": now, "exp": now + 300,
        "jti": claims["jti"],
        "client_id": registered.consumer.client_id,
        "scope": "organization/slot.read patient/appointment.read patient/appointment.write",
        "asid": "200000000205", "ods_code": "A1001", "org_type": "urgent-care",
        "groups": groups.map(|group| format!("{prefix}{group}")),
        "requesting_system": "https://fhir.nhs.uk/Id/accredited-system|200000000205",
        "requesting_organization": "https://fhir.nhs.uk/Id/ods-organization-code|A1001",
        "reason_for_request": "directcare"
    });
    assert_eq!(claims, expected);
    assert_eq!(uuid::Uuid::parse_str(claims["jti"].as_str().unwrap()).unwrap().get_version_num(), 4);
}

#[tokio::test]
async fn no_two_tokens_share_an_id() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let (one, other) =
        tokio::join!(server.token_by_secret(&registered).send(), server.token_by_secret(&registered).send());
    assert_ne!(part(&one.token(), 1)["jti"], part(&other.token(), 1)["jti"]);
}

#[tokio::test]
async fn each_provider_gets_the_algorithm_and_the_lifetime_that_it_is_registered_for() {
    // R1
    let server = TestServer::start().await;
    let registered = server.register(consumer()).await;
    for (number, algorithm) in server.running.app.keys.algorithms().into_iter().enumerate() {
        let root = format!("https://provider.nhs.uk/{algorithm}");
        server
            .register_provider(|provider| {
                provider.asid = format!("20000000036{number}").parse().unwrap();
                provider.service_root = root.parse().unwrap();
                provider.signing_algorithm = algorithm;
                provider.token_lifetime = "60".parse().unwrap();
            })
            .await;
        let answer = server.token_by_secret(&registered).without("resource").field("resource", &root).send().await;
        assert_eq!(answer.json()["expires_in"], 60);
        assert_eq!(part(&answer.token(), 0)["alg"], algorithm.name());
        server.verify(&root, &answer.token()).await;
    }
}

#[tokio::test]
async fn an_entra_provider_gets_what_its_code_was_written_for() {
    let server = TestServer::start().await;
    server.register_provider(|provider| provider.claims_profile = ClaimsProfile::Entra).await;
    let registered = server.register(consumer()).await;

    let token = server.token_by_secret(&registered).send().await.token();

    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!(header["typ"], "JWT");
    assert_eq!(claims["appid"], claims["client_id"]);
    assert_eq!((&claims["appidacr"], &claims["ver"]), (&json!("1"), &json!("1.0")));
    let groups = claims["groups"].as_array().unwrap();
    assert!(groups.contains(&json!("ab412fe9-3f68-4368-9810-9dc24d1659b1")), "{groups:?}");
    assert!(groups.contains(&json!("dacb82c5-aea8-4509-887f-281324062dfd")), "{groups:?}");
    assert!(groups.contains(&json!("urn:nhs:names:services:careconnect:fhir:rest:read:appointment")), "{groups:?}");
}

#[tokio::test]
async fn without_a_certificate_a_token_is_not_bound() {
    let server = TestServer::start().await;
    server.register_provider(|provider| provider.certificate_bound = true).await;
    let registered = server.register(consumer()).await;
    let token = server.token_by_secret(&registered).send().await.token();
    assert!(part(&token, 1).get("cnf").is_none());
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    // R34
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let token = server.token_by_secret(&registered).send().await.token();
    let keys = server.get("/careconnect/.well-known/jwks.json").await.body;
    let judge = |now: i64| {
        careconnect_verifier::TokenVerifier::for_issuer(server.issuer())
            .audience(ROOT)
            .keys(careconnect_verifier::FixedKeys::new(careconnect_verifier::KeySet::parse(&keys).unwrap()))
            .algorithms(&[Algorithm::Es256])
            .leeway(0)
            .clock(move || now)
            .build()
            .unwrap()
            .verify_offline(&token)
    };
    let now = server.clock.now().0;
    assert!(judge(now + 299).is_ok());
    assert_eq!(judge(now + 300).unwrap_err().reason(), "expired");
}

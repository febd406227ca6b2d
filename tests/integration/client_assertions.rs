//! What proves an assertion, check by check, against keys and a time of our choice.

use careconnect_auth::{
    authentication::client_assertion::{AssertionRefusal, CHECKS, Circumstances, ProvenAssertion, prove},
    domain::{ClientKey, CredentialId, Reason},
};
use careconnect_verifier::{Algorithm, UnverifiedAssertion};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    assertion::{AssertionKey, encoded, unsigned, with},
    authority::NOW,
};

mod claims;

const CLIENT: &str = "92d85f9d-0666-49bc-a31c-12b45b04a7de";
const ISSUER: &str = "https://auth.example.nhs.uk/careconnect";
const ENDPOINT: &str = "https://auth.example.nhs.uk/careconnect/oauth2/token";
const CREDENTIAL: CredentialId = CredentialId(Uuid::from_u128(7));

fn header(algorithm: &str) -> Value {
    json!({ "alg": algorithm, "kid": "test-1", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "exp": NOW.0 + 300, "jti": "one" })
}

fn circumstances() -> Circumstances<'static> {
    Circumstances { client_id: None, issuer: ISSUER, token_endpoint: None, now: NOW }
}

fn judge<'k>(
    assertion: &str,
    keys: &'k [ClientKey],
    circumstances: &Circumstances<'_>,
) -> Result<ProvenAssertion<'k>, AssertionRefusal> {
    let assertion = UnverifiedAssertion::read(assertion.as_bytes()).unwrap();
    prove(&assertion, keys.iter().map(|key| (CREDENTIAL, key)), circumstances)
}

/// A consumer with one key, and what comes of assertions with changes.
struct Scene {
    key: AssertionKey,
    registered: [ClientKey; 1],
}

impl Scene {
    fn new() -> Self {
        let key = AssertionKey::new(Algorithm::Es256);
        let registered = [key.registered_as("test-1")];
        Self { key, registered }
    }

    fn with_header(&self, changes: Value) -> Result<ProvenAssertion<'_>, AssertionRefusal> {
        judge(&self.key.sign(&with(&header("ES256"), changes), &claims()), &self.registered, &circumstances())
    }

    fn with_claims(&self, changes: Value) -> Result<ProvenAssertion<'_>, AssertionRefusal> {
        self.with_claims_at(changes, &circumstances())
    }

    fn with_claims_at(
        &self,
        changes: Value,
        circumstances: &Circumstances<'_>,
    ) -> Result<ProvenAssertion<'_>, AssertionRefusal> {
        judge(&self.key.sign(&header("ES256"), &with(&claims(), changes)), &self.registered, circumstances)
    }

    #[track_caller]
    fn reason(&self, changes: Value) -> Reason {
        self.with_claims(changes).unwrap_err().reason()
    }
}

#[test]
fn a_key_of_each_algorithm_proves_and_only_with_its_own() {
    // R22
    let keys: Vec<_> = Algorithm::FOR_ASSERTIONS.map(|algorithm| (algorithm, AssertionKey::new(algorithm))).into();
    for (algorithm, key) in &keys {
        let registered = [key.registered_as("test-1")];
        let good = key.sign(&header(algorithm.name()), &claims());
        let proven = judge(&good, &registered, &circumstances()).unwrap();
        assert_eq!((proven.credential, proven.key), (CREDENTIAL, &registered[0]));
        for (other, signer) in keys.iter().filter(|(other, _)| other != algorithm) {
            let signed_with_other = signer.sign(&header(other.name()), &claims());
            let refusal = judge(&signed_with_other, &registered, &circumstances()).unwrap_err();
            assert_eq!(refusal, AssertionRefusal::AlgorithmDiffers { registered: *algorithm, received: *other });
            let relabelled = signer.sign(&header(algorithm.name()), &claims());
            let refusal = judge(&relabelled, &registered, &circumstances()).unwrap_err();
            assert!(matches!(refusal, AssertionRefusal::SignatureWrong { .. }), "{other} as {algorithm}");
        }
    }
}

#[test]
fn the_checks_are_made_in_the_order_in_which_they_are_listed() {
    let (scene, stranger) = (Scene::new(), AssertionKey::new(Algorithm::Es256));
    let none = || json!({});
    let faults = [
        (none(), json!({ "iss": "another" })),
        (json!({ "kid": null }), none()),
        (json!({ "kid": "test-9" }), none()),
        (none(), none()), // signed by a stranger
        (json!({ "typ": "at+jwt" }), none()),
        (none(), json!({ "aud": "https://another.example" })),
        (none(), json!({ "exp": null })),
        (none(), json!({ "exp": NOW.0 - 300 })),
        (none(), json!({ "exp": NOW.0 + 900 })),
        (none(), json!({ "nbf": NOW.0 + 200 })),
        (none(), json!({ "jti": null })),
    ];
    for (at, (reason, _)) in CHECKS.iter().enumerate() {
        let later = faults[at..].iter().rev(); // all faults from this check on, the first of them on top
        let mended = (header("ES256"), claims());
        let (header, claims) = later.fold(mended, |(header, claims), (in_header, in_claims)| {
            (with(&header, in_header.clone()), with(&claims, in_claims.clone()))
        });
        let signer = if at <= 3 { &stranger } else { &scene.key };
        let refusal = judge(&signer.sign(&header, &claims), &scene.registered, &circumstances()).unwrap_err();
        assert_eq!(refusal.reason(), *reason);
    }
}

#[test]
fn a_stranger_is_not_told_which_algorithm_is_registered() {
    // R13
    let scene = Scene::new();
    let stranger = AssertionKey::new(Algorithm::Rs512);
    let wrong =
        |algorithm: &str| judge(&stranger.sign(&header(algorithm), &claims()), &scene.registered, &circumstances());
    let (other_algorithm, same_algorithm) = (wrong("RS512").unwrap_err(), wrong("ES256").unwrap_err());
    assert_ne!(other_algorithm, same_algorithm);
    assert_eq!(other_algorithm.reason(), same_algorithm.reason());
    assert_eq!(other_algorithm.to_string(), same_algorithm.to_string());
    assert!(other_algorithm.check().expected.contains("ES256"), "the operator is told");
}

#[test]
fn signatures_that_are_none_prove_nothing() {
    // R31, R22
    let scene = Scene::new();
    let signed = unsigned(&header("ES256"), &claims());
    let der_like = [&[0x30, 0x44, 2, 0x20][..], &[1; 32], &[2, 0x20], &[1; 32]].concat();
    for signature in [vec![], vec![0; 64], vec![0; 63], der_like] {
        let refusal = judge(&format!("{signed}.{}", encoded(&signature)), &scene.registered, &circumstances());
        assert!(matches!(refusal, Err(AssertionRefusal::SignatureWrong { .. })), "{signature:?}");
    }
}

#[test]
fn the_key_is_one_of_the_consumers_that_the_assertion_names() {
    let scene = Scene::new();
    assert!(matches!(scene.with_header(json!({ "kid": null })), Err(AssertionRefusal::KeyNotNamed)));
    for kid in ["test-2", "TEST-1", "", "test-1' OR '1'='1"] {
        let refusal = scene.with_header(json!({ "kid": kid })).unwrap_err();
        assert!(matches!(refusal, AssertionRefusal::KeyUnknown { header: "kid", .. }), "{kid}");
    }
    let by_unknown_client = judge(&scene.key.sign(&header("ES256"), &claims()), &[], &circumstances()).unwrap_err();
    let other_key = [AssertionKey::new(Algorithm::Es256).registered_as("test-2")];
    let by_unknown_key = judge(&scene.key.sign(&header("ES256"), &claims()), &other_key, &circumstances());
    assert_eq!(by_unknown_client, by_unknown_key.unwrap_err()); // R13
}

#[test]
fn either_of_two_keys_under_one_name_proves() {
    let keys = [AssertionKey::new(Algorithm::Es256), AssertionKey::new(Algorithm::EdDsa)];
    let registered = keys.each_ref().map(|key| key.registered_as("test-1"));
    for (key, algorithm) in keys.iter().zip(["ES256", "EdDSA"]) {
        assert!(judge(&key.sign(&header(algorithm), &claims()), &registered, &circumstances()).is_ok());
    }
}

#[test]
fn an_assertion_may_name_the_certificate_of_its_key() {
    let key = AssertionKey::new(Algorithm::Ps256);
    let members = json!({ "x5t": "hNJ0-zKJ_w", "x5t#S256": "AAEC-w" });
    let registered = [ClientKey::from_jwk(&key.jwk(&members).to_string()).unwrap()];
    let by = |names: Value| {
        let header = with(&json!({ "alg": "PS256", "typ": "JWT", "x5c": ["AAAA"] }), names);
        judge(&key.sign(&header, &claims()), &registered, &circumstances())
    };
    for names in [json!({ "x5t": "hNJ0-zKJ_w" }), json!({ "x5t": "hNJ0+zKJ/w==" }), json!({ "x5t#S256": "AAEC-w" })] {
        assert!(by(names.clone()).is_ok(), "{names}");
    }
    for names in [
        json!({ "x5t": "AAEC-w" }),
        json!({ "x5t#S256": "hNJ0-zKJ_w" }),
        json!({ "x5t": "hNJ0-zKJ_w", "x5t#S256": "AAEC-x" }),
        json!({ "kid": "hNJ0-zKJ_w", "x5t": "hNJ0-zKJ_w" }),
    ] {
        assert!(matches!(by(names.clone()), Err(AssertionRefusal::KeyUnknown { .. })), "{names}");
    }
}

#[test]
fn a_key_that_comes_with_the_assertion_is_never_used() {
    // R23
    let (scene, stranger) = (Scene::new(), AssertionKey::new(Algorithm::Es256));
    let own = stranger.jwk(&json!({ "kid": "own" }));
    for more in
        [json!({ "jwk": own }), json!({ "jku": "https://evil.example/jwks" }), json!({ "x5u": "https://evil.example" })]
    {
        for (kid, reason) in [("test-1", Reason::AssertionSignature), ("own", Reason::AssertionKeyUnknown)] {
            let header = with(&with(&header("ES256"), more.clone()), json!({ "kid": kid }));
            let refusal = judge(&stranger.sign(&header, &claims()), &scene.registered, &circumstances());
            assert_eq!(refusal.unwrap_err().reason(), reason, "{more}");
        }
        assert!(scene.with_header(more).is_ok(), "it is passed over");
    }
}

#[test]
fn an_access_token_is_no_assertion() {
    // R24
    let scene = Scene::new();
    for typ in [Value::Null, "JWT".into(), "jwt".into(), "client-authentication+jwt".into()] {
        assert!(scene.with_header(json!({ "typ": typ })).is_ok(), "{typ}");
    }
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT", "secevent+jwt", "JOSE", "", "JWT "] {
        let refusal = scene.with_header(json!({ "typ": typ })).unwrap_err();
        assert_eq!(refusal.reason(), Reason::AssertionTypeHeader, "{typ}");
    }
}

#[test]
fn developers_of_the_nhs_api_platform_recognise_what_they_are_told() {
    let scene = Scene::new();
    let told = |changes: Value| scene.with_claims(changes).unwrap_err().to_string();
    let now = NOW.0;
    assert_eq!(
        told(json!({ "exp": now + 400 })),
        format!("invalid 'exp' claim in the JWT: {} is more than 5 minutes in the future; it is {now} here", now + 400)
    );
    let audience = told(json!({ "aud": "https://int.api.service.nhs.uk/oauth2/token" }));
    for side in ["'aud' claim", ISSUER, "https://int.api.service.nhs.uk/oauth2/token"] {
        assert!(audience.contains(side), "{audience}");
    }
    let kid = scene.with_header(json!({ "kid": "test-9" })).unwrap_err().to_string();
    assert!(kid.starts_with("invalid 'kid' header in the JWT: no public key is registered under \"test-9\""), "{kid}");
    let failed = scene.with_claims(json!({ "aud": "x" })).unwrap_err().check();
    assert_eq!((failed.check, failed.received.as_str()), ("assertion_audience", "\"x\""));
    assert_eq!(failed.expected, format!("{ISSUER:?}"));
}

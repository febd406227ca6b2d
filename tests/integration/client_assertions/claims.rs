//! What the claims of an assertion must be, whoever signed it.

use careconnect_auth::{
    authentication::client_assertion::{AssertionRefusal, Circumstances},
    clock::UnixTime,
    domain::Reason,
};
use serde_json::{Value, json};

use super::{CLIENT, ENDPOINT, ISSUER, Scene, circumstances};
use crate::support::authority::NOW;

#[test]
fn the_issuer_is_the_subject_is_the_client() {
    // R19
    let scene = Scene::new();
    for changes in [
        json!({ "iss": "another" }),
        json!({ "sub": "another" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "iss": "", "sub": "" }),
        json!({ "iss": null, "sub": null }),
        json!({ "iss": format!("{CLIENT} ") }),
    ] {
        assert_eq!(scene.reason(changes.clone()), Reason::AssertionIssuer, "{changes}");
    }
    let named = |client_id| Circumstances { client_id: Some(client_id), ..circumstances() };
    assert!(scene.with_claims_at(json!({}), &named(CLIENT)).is_ok());
    for other in ["another", "", &CLIENT.to_uppercase()] {
        let refusal = scene.with_claims_at(json!({}), &named(other)).unwrap_err();
        assert!(matches!(refusal, AssertionRefusal::ClientIdDiffers { .. }), "{other}");
    }
}

#[test]
fn the_audience_is_this_server_alone() {
    // R18
    let scene = Scene::new();
    assert!(scene.with_claims(json!({ "aud": [ISSUER] })).is_ok());
    for audience in [
        Value::Null,
        json!([]),
        json!(""),
        json!(format!("{ISSUER}/")),
        json!(ISSUER.to_uppercase()),
        json!(ISSUER.replace("https", "http")),
        json!("https://auth.example.nhs.uk"),
        json!("auth.example.nhs.uk"),
        json!(format!("{ISSUER}/oauth2/introspect")),
        json!(ENDPOINT),
        json!([ISSUER, "https://evil.example"]),
        json!([ISSUER, ISSUER]),
        json!("https://evil.example"),
    ] {
        assert_eq!(scene.reason(json!({ "aud": audience })), Reason::AssertionAudience, "{audience}");
    }
}

#[test]
fn the_token_endpoint_is_an_audience_for_a_consumer_that_is_registered_so() {
    // R18
    let scene = Scene::new();
    let lenient = Circumstances { token_endpoint: Some(ENDPOINT), ..circumstances() };
    for audience in [json!(ISSUER), json!(ENDPOINT), json!([ENDPOINT])] {
        assert!(scene.with_claims_at(json!({ "aud": audience }), &lenient).is_ok(), "{audience}");
    }
    let mixed = [json!([ISSUER, ENDPOINT]), json!(format!("{ENDPOINT}/")), json!([ENDPOINT, "https://evil.example"])];
    for audience in mixed {
        let refusal = scene.with_claims_at(json!({ "aud": audience }), &lenient).unwrap_err();
        assert_eq!(refusal.reason(), Reason::AssertionAudience, "{audience}");
        assert!(refusal.to_string().contains(ENDPOINT), "{refusal}");
    }
}

#[test]
fn an_assertion_ends_within_five_minutes() {
    // R20
    let scene = Scene::new();
    for ahead in [-59, 0, 1, 300, 360] {
        assert!(scene.with_claims(json!({ "exp": NOW.0 + ahead })).is_ok(), "{ahead}");
    }
    for (ahead, reason) in [
        (-300, Reason::AssertionExpired),
        (-60, Reason::AssertionExpired),
        (361, Reason::AssertionLifetime),
        (31_536_000, Reason::AssertionLifetime),
    ] {
        assert_eq!(scene.reason(json!({ "exp": NOW.0 + ahead })), reason, "{ahead}");
    }
    assert_eq!(scene.reason(json!({ "exp": 0 })), Reason::AssertionExpired);
    assert_eq!(scene.reason(json!({ "exp": 253_402_300_799_i64 })), Reason::AssertionLifetime);
    assert_eq!(scene.reason(json!({ "exp": null })), Reason::AssertionExpiryMissing);
    for now in [UnixTime(i64::MIN), UnixTime(i64::MAX)] {
        assert!(scene.with_claims_at(json!({}), &Circumstances { now, ..circumstances() }).is_err(), "no overflow");
    }
}

#[test]
fn an_assertion_from_a_clock_that_is_a_little_fast_is_accepted() {
    // R20
    let scene = Scene::new();
    for claim in ["nbf", "iat"] {
        for ahead in [-86_400, 8, 60] {
            assert!(scene.with_claims(json!({ claim: NOW.0 + ahead })).is_ok(), "{claim} {ahead}");
        }
        for ahead in [61, 90] {
            let reason = scene.reason(json!({ claim: NOW.0 + ahead }));
            assert_eq!(reason, Reason::AssertionNotYetValid, "{claim} {ahead}");
        }
    }
}

#[test]
fn an_assertion_has_an_id_of_bounded_length() {
    // R21, R54
    let scene = Scene::new();
    assert!(scene.with_claims(json!({ "jti": "x".repeat(256) })).is_ok());
    for id in [Value::Null, "".into(), "x".repeat(257).into()] {
        assert_eq!(scene.reason(json!({ "jti": id })), Reason::AssertionIdMissing, "{id}");
    }
}

#[test]
fn a_use_is_that_of_one_client_and_one_id_until_the_assertion_is_refused_anyway() {
    // R21
    let scene = Scene::new();
    let used = |changes: Value| scene.with_claims(changes).unwrap().assertion_use;
    let first = used(json!({}));
    assert_eq!(first.expires_at, NOW.plus(360));
    assert_eq!(used(json!({ "exp": NOW.0 + 10, "iat": NOW.0 })).id, first.id);
    for other in [json!({ "jti": "One" }), json!({ "jti": "one\0" }), json!({ "iss": "c", "sub": "c" })] {
        assert_ne!(used(other.clone()).id, first.id, "{other}");
    }
    let at_its_end = Circumstances { now: first.expires_at, ..circumstances() };
    assert_eq!(scene.with_claims_at(json!({}), &at_its_end).unwrap_err().reason(), Reason::AssertionExpired);
}

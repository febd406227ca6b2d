//! R40: which keys of a set are used. Every set here holds a bad key and a good one.

use careconnect_verifier::{Algorithm, KeySet, PublicKey, UnusableKey};
use serde_json::{Value, json};

use crate::issuer::{Issuer, encode, verifier};

/// What a verifier says of a token of the key `bad`, changed by `change`, after having accepted one of the good key.
fn reason_beside_a_good_key(change: impl FnOnce(&mut Value)) -> &'static str {
    let (good, bad) = (Issuer::new("good"), Issuer::new("bad"));
    let mut jwk = bad.jwk();
    change(&mut jwk);
    let verifier = verifier(&json!({ "keys": [jwk, good.jwk()] }).to_string()).build().unwrap();
    assert!(verifier.verify_offline(&good.token()).is_ok());
    verifier.verify_offline(&bad.token()).map_or_else(|rejection| rejection.reason(), |_| "accepted")
}

#[test]
fn a_key_for_another_purpose_is_not_used() {
    assert_eq!(reason_beside_a_good_key(|_| ()), "accepted");
    assert_eq!(reason_beside_a_good_key(|jwk| jwk["use"] = json!("enc")), "jwks_invalid");
    assert_eq!(reason_beside_a_good_key(|jwk| jwk["key_ops"] = json!(["sign"])), "jwks_invalid");
}

#[test]
fn an_unusable_key_is_the_issuers_fault_and_not_the_callers() {
    let issuer = Issuer::new("k1");
    let mut jwk = issuer.jwk();
    jwk["use"] = json!("enc");
    let verifier = verifier(&json!({ "keys": [jwk] }).to_string()).build().unwrap();
    let refusal = verifier.verify_offline(&issuer.token()).unwrap_err();
    assert_eq!((refusal.status(), refusal.error(), refusal.reason()), (503, None, "jwks_invalid"));
}

#[test]
fn a_key_whose_label_does_not_fit_its_type_is_not_used() {
    for label in [json!("RS256"), json!("ES384"), json!("none"), json!("HS256"), json!(1)] {
        assert_eq!(reason_beside_a_good_key(|jwk| jwk["alg"] = label), "unsupported_alg");
    }
}

#[test]
fn a_point_off_the_curve_is_not_used() {
    assert_eq!(reason_beside_a_good_key(|jwk| jwk["y"] = jwk["x"].clone()), "jwks_invalid");
    assert_eq!(reason_beside_a_good_key(|jwk| jwk["x"] = json!(encode(&[0xff; 32]))), "jwks_invalid");
    assert_eq!(reason_beside_a_good_key(|jwk| jwk["x"] = json!(encode(&[1; 31]))), "jwks_invalid");
}

#[test]
fn a_key_that_shows_its_private_half_is_not_used() {
    assert_eq!(reason_beside_a_good_key(|jwk| jwk["d"] = json!(encode(&[1; 32]))), "jwks_invalid");
}

#[test]
fn a_key_without_a_name_is_not_used() {
    assert_eq!(reason_beside_a_good_key(|jwk| jwk["kid"] = json!(7)), "unknown_kid");
}

#[test]
fn of_two_keys_of_one_name_neither_is_used() {
    let (first, second) = (Issuer::new("same"), Issuer::new("same"));
    let verifier = verifier(&json!({ "keys": [first.jwk(), second.jwk()] }).to_string()).build().unwrap();
    for token in [first.token(), second.token()] {
        assert_eq!(verifier.verify_offline(&token).unwrap_err().reason(), "jwks_invalid");
    }
}

#[test]
fn weak_and_strange_rsa_keys_and_secrets_are_not_used() {
    let rsa = |bits: usize, e: &[u8]| json!({ "kty": "RSA", "n": encode(&vec![0xff; bits / 8]), "e": encode(e) });
    let usable = |jwk: Value| PublicKey::from_jwk(jwk.to_string().as_bytes());
    assert_eq!(
        usable(rsa(2048, &[1, 0, 1])).unwrap().algorithms().collect::<Vec<_>>(),
        [Algorithm::Rs256, Algorithm::Ps256]
    );
    for jwk in [rsa(1024, &[1, 0, 1]), rsa(16384, &[1, 0, 1]), rsa(2048, &[3]), rsa(2048, &[1, 0, 2]), rsa(2048, &[])] {
        assert!(matches!(usable(jwk), Err(UnusableKey::Member { .. })));
    }
    let secret = json!({ "kty": "oct", "k": encode(&[1; 32]) });
    assert_eq!(usable(secret).unwrap_err(), UnusableKey::PrivateMember("k"));
}

#[test]
fn what_is_no_key_set_is_told_from_a_set_without_keys() {
    for text in ["", "[]", "{}", r#"{"keys":null}"#, r#"{"keys":[],"keys":[]}"#, "\u{feff}{\"keys\":[]}"] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(KeySet::parse(br#"{"keys":[null,1]}"#).unwrap().unusable().count(), 2);
}

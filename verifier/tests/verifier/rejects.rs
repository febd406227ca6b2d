//! What a provider is protected from. Each requirement by one token; the vectors hold the variants.

use careconnect_verifier::{CertificateThumbprint, Group, InvalidOptions, Presented};
use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, ISSUER, Issuer, NOW, claims, encode};

#[test]
fn no_algorithm_in_any_spelling() {
    let issuer = Issuer::new("k1"); // R30
    for name in ["none", "None", "NONE", "nOnE", "", "HS256", "ES512", "es256"] {
        assert_eq!(issuer.reason(&issuer.token_with_header(|header| header["alg"] = json!(name))), "unsupported_alg");
    }
}

#[test]
fn the_key_decides_the_algorithm_and_not_the_token() {
    let issuer = Issuer::new("k1"); // R29
    let token = issuer.token_with_header(|header| header["alg"] = json!("RS256"));
    assert_eq!(issuer.reason(&token), "unsupported_alg");
}

#[test]
fn a_signature_of_zeros() {
    let issuer = Issuer::new("k1"); // R31
    let token = issuer.token();
    let signed = &token[..token.rfind('.').unwrap()];
    for signature in [vec![0; 64], vec![0xff; 64], vec![], vec![0; 63]] {
        assert_eq!(issuer.reason(&format!("{signed}.{}", encode(&signature))), "bad_signature");
    }
}

#[test]
fn claims_changed_after_signing() {
    let issuer = Issuer::new("k1");
    let token = issuer.token();
    let parts: Vec<_> = token.split('.').collect();
    let mut claims = claims();
    claims["ods_code"] = json!("A20047");
    let forged = format!("{}.{}.{}", parts[0], encode(claims.to_string().as_bytes()), parts[2]);
    assert_eq!(issuer.reason(&forged), "bad_signature");
}

#[test]
fn claims_of_the_wrong_type_are_not_taken_for_absent() {
    let issuer = Issuer::new("k1"); // R32
    for (claim, value) in [
        ("exp", json!("1800000290")),
        ("nbf", json!("0")),
        ("nbf", Value::Null),
        ("iat", json!(true)),
        ("aud", json!({ "0": AUDIENCE })),
        ("aud", json!([AUDIENCE, 1])),
        ("iss", json!([ISSUER])),
        ("groups", json!(Group::READ_SLOT.as_str())),
        ("groups", json!([Group::READ_SLOT.as_str(), 1])),
        ("asid", json!(200_000_000_205_u64)),
        ("cnf", Value::Null),
    ] {
        let token = issuer.token_with(|claims| claims[claim] = value.clone());
        assert_eq!(issuer.reason(&token), "invalid_claim", "{claim}: {value}");
    }
}

#[test]
fn claims_that_every_token_has() {
    let issuer = Issuer::new("k1"); // the old demonstrator fell over an absent exp
    for claim in ["iss", "sub", "aud", "iat", "exp", "jti", "client_id", "asid", "ods_code", "org_type", "groups"] {
        let token = issuer.token_with(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
        assert_eq!(issuer.reason(&token), "missing_claim", "{claim}");
    }
}

#[test]
fn critical_extensions() {
    let issuer = Issuer::new("k1"); // R33
    assert_eq!(issuer.reason(&issuer.token_with_header(|header| header["crit"] = json!(["exp"]))), "crit");
}

#[test]
fn tokens_outside_their_time() {
    let issuer = Issuer::new("k1"); // R34; the old demonstrator allowed 450 s of skew
    for (claim, time, reason) in [
        ("exp", NOW - 5, "expired"),
        ("exp", NOW - 449, "expired"),
        ("nbf", NOW + 6, "not_yet_valid"),
        ("iat", NOW + 6, "iat_future"),
    ] {
        assert_eq!(issuer.reason(&issuer.token_with(|claims| claims[claim] = json!(time))), reason);
    }
}

#[test]
fn no_number_and_no_clock_overflows_into_a_pass() {
    let issuer = Issuer::new("k1"); // R34
    let late = issuer.verifier().leeway(60).clock(|| i64::MAX).build().unwrap();
    assert_eq!(late.verify_offline(&issuer.token()).unwrap_err().reason(), "expired");
    let early = issuer.verifier().leeway(60).clock(|| i64::MIN).build().unwrap();
    assert_eq!(early.verify_offline(&issuer.token()).unwrap_err().reason(), "not_yet_valid");
    for exp in [json!(i64::MAX), json!(u64::MAX), json!(1e300), json!(-1), json!(1_800_000_290_000_i64)] {
        assert_eq!(issuer.reason(&issuer.token_with(|claims| claims["exp"] = exp)), "invalid_claim");
    }
}

#[test]
fn a_leeway_of_more_than_a_minute() {
    let refusal = Issuer::new("k1").verifier().leeway(61).build().unwrap_err(); // R34
    assert_eq!(refusal, InvalidOptions::Leeway(61));
}

#[test]
fn tokens_older_than_the_provider_wants() {
    let issuer = Issuer::new("k1");
    let verifier = issuer.verifier().max_age(60).build().unwrap();
    assert!(verifier.verify_offline(&issuer.token()).is_ok());
    let token = issuer.token_with(|claims| claims["iat"] = json!(NOW - 66));
    assert_eq!(verifier.verify_offline(&token).unwrap_err().reason(), "expired");
}

#[test]
fn an_issuer_or_audience_that_only_resembles_ours() {
    let issuer = Issuer::new("k1"); // R35; the old demonstrator compared the audience's beginning
    for (suffix, reason) in [("iss", "wrong_issuer"), ("aud", "wrong_audience")] {
        for change in [|url: &str| format!("{url}/"), |url: &str| url[..url.len() - 1].to_owned(), str::to_uppercase] {
            let token = issuer.token_with(|claims| claims[suffix] = json!(change(claims[suffix].as_str().unwrap())));
            assert_eq!(issuer.reason(&token), reason);
        }
    }
}

#[test]
fn tokens_of_another_kind() {
    let issuer = Issuer::new("k1"); // R24, R36
    for typ in [json!("JWT"), json!("jwt"), json!("client-authentication+jwt"), json!("at+jwt "), Value::Null] {
        let token = issuer.token_with_header(|header| header["typ"] = typ.clone());
        assert!(["wrong_typ", "bad_header"].contains(&issuer.reason(&token)), "{typ}");
    }
}

#[test]
fn a_group_is_missing_unless_it_is_there_exactly() {
    let issuer = Issuer::new("k1"); // R37
    for name in ["urn:nhs:names:services:careconnect:fhir:rest:read:slots", "*", "URN:NHS:x", "read:slot"] {
        let token = issuer.token_with(|claims| claims["groups"] = json!([name]));
        let refusal = issuer.verify(&token).unwrap().require(&Group::READ_SLOT).unwrap_err();
        assert_eq!((refusal.status(), refusal.reason()), (403, "group_missing"));
    }
}

#[test]
fn a_bound_token_from_anybody_but_its_holder() {
    let issuer = Issuer::new("k1"); // R38
    let holder = CertificateThumbprint::of_der(b"holder").to_string();
    let bound = issuer.token_with(|claims| claims["cnf"] = json!({ "x5t#S256": holder }));
    let verifier = issuer.verifier().build().unwrap();
    let thief = Presented::new(&bound).with_certificate(CertificateThumbprint::of_der(b"thief"));
    assert_eq!(verifier.verify_offline(thief).unwrap_err().reason(), "cnf_mismatch");
    assert_eq!(verifier.verify_offline(&bound).unwrap_err().reason(), "cnf_mismatch");
    let by_key = issuer.token_with(|claims| claims["cnf"] = json!({ "jkt": "x" }));
    assert_eq!(issuer.reason(&by_key), "invalid_claim");
}

#[test]
fn an_unbound_token_where_binding_is_required() {
    let issuer = Issuer::new("k1"); // R38
    let verifier = issuer.verifier().require_certificate_binding().build().unwrap();
    assert_eq!(verifier.verify_offline(&issuer.token()).unwrap_err().reason(), "cnf_mismatch");
}

#[test]
fn tokens_with_two_readings() {
    let issuer = Issuer::new("k1"); // R39
    let (header, claims, token) = (issuer.header().to_string(), claims().to_string(), issuer.token());
    let twice = claims.replacen('{', r#"{"ods_code":"A20047","#, 1);
    let nested = claims.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1);
    let tokens = [
        issuer.sign_text(&header, &twice),
        issuer.sign_text(&header, &nested),
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        token.replacen('.', ".\n", 1),
        format!("{token}.{token}"),
    ];
    for token in tokens {
        assert_eq!(issuer.reason(&token), "malformed");
    }
}

#[test]
fn tokens_over_sixteen_kibibytes() {
    let issuer = Issuer::new("k1"); // R39
    let token = issuer.token_with(|claims| claims["x"] = json!("x".repeat(16 * 1024)));
    assert_eq!(issuer.reason(&token), "too_large");
}

#[test]
fn a_key_that_the_token_brings_itself() {
    let (issuer, attacker) = (Issuer::new("k1"), Issuer::new("k1")); // R23
    let token = attacker.token_with_header(|header| header["jwk"] = attacker.jwk());
    assert_eq!(issuer.reason(&token), "bad_signature");
}

#[test]
fn an_unknown_key_is_the_callers_fault_and_says_so() {
    let issuer = Issuer::new("k1"); // the old demonstrator answered 422
    let refusal = issuer.verify(&Issuer::new("k2").token()).unwrap_err();
    assert_eq!((refusal.status(), refusal.reason()), (401, "unknown_kid"));
}

#[test]
fn no_refusal_tells_the_token() {
    let issuer = Issuer::new("k1"); // the old demonstrator logged it
    let token = issuer.token_with(|claims| claims["exp"] = json!(NOW - 100));
    for refusal in [issuer.verify(&token).unwrap_err(), issuer.verify(&format!("{token}x")).unwrap_err()] {
        let told = format!("{refusal} {refusal:?} {} {:?}", refusal.www_authenticate(), Presented::new(&token));
        assert!(token.split('.').all(|part| !told.contains(part)));
    }
}

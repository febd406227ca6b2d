//! What a provider learns from a good token.

use careconnect_verifier::{Algorithm, CertificateThumbprint, Group, Presented};
use serde_json::json;

use crate::issuer::{AUDIENCE, Issuer, NOW, eddsa_token, verifier};

#[test]
fn a_token_says_who_is_calling_and_what_for() {
    let issuer = Issuer::new("k1");
    let verified = issuer.verify(&issuer.token()).unwrap();
    assert_eq!(verified.asid().as_str(), "200000000205");
    assert_eq!(verified.ods_code().as_str(), "A1001");
    assert_eq!(verified.organisation_type().as_str(), "urgent-care");
    assert_eq!(verified.groups(), [Group::READ_SLOT]);
    assert_eq!(verified.client_id().as_str(), "92d85f9d-0666-49bc-a31c-12b45b04a7de");
    assert_eq!(verified.expires_at(), NOW + 290);
    assert_eq!(verified.claims().scope.as_deref(), Some("organization/slot.read"));
}

#[test]
fn one_group_is_enough_for_what_needs_one() {
    let issuer = Issuer::new("k1"); // the old demonstrator wanted both groups for every call
    let verified = issuer.verify(&issuer.token()).unwrap();
    assert!(verified.require(&Group::READ_SLOT).is_ok()); // R37
    assert_eq!(verified.require(&Group::CREATE_APPOINTMENT).unwrap_err().status(), 403);
}

#[test]
fn a_token_without_nbf_is_valid_from_the_start() {
    let issuer = Issuer::new("k1");
    let token = issuer.token_with(|claims| drop(claims.as_object_mut().unwrap().remove("nbf")));
    assert!(issuer.verify(&token).is_ok()); // the old demonstrator fell over this
}

#[test]
fn one_audience_of_several_is_enough_if_it_is_exactly_ours() {
    let issuer = Issuer::new("k1");
    let token = issuer.token_with(|claims| claims["aud"] = json!(["https://other.example", AUDIENCE]));
    assert_eq!(issuer.verify(&token).unwrap().claims().aud, AUDIENCE);
}

#[test]
fn clocks_may_differ_by_the_leeway() {
    let issuer = Issuer::new("k1");
    let token = issuer.token_with(|claims| claims["exp"] = json!(NOW - 4));
    assert!(issuer.verify(&token).is_ok());
    let strict = issuer.verifier().leeway(0).build().unwrap();
    assert_eq!(strict.verify_offline(&token).unwrap_err().reason(), "expired"); // R34
}

#[test]
fn another_algorithm_is_accepted_once_it_is_allowed() {
    let (token, jwks) = eddsa_token();
    let refusal = verifier(&jwks).build().unwrap().verify_offline(&token).unwrap_err();
    assert_eq!(refusal.reason(), "unsupported_alg"); // R29
    let allowing = verifier(&jwks).algorithms(&[Algorithm::EdDsa]).build().unwrap();
    assert!(allowing.verify_offline(&token).is_ok());
}

#[test]
fn a_bound_token_is_accepted_from_the_holder_of_its_certificate() {
    let issuer = Issuer::new("k1");
    let certificate = CertificateThumbprint::of_der(b"the caller's certificate in DER");
    let token = issuer.token_with(|claims| claims["cnf"] = json!({ "x5t#S256": certificate.to_string() }));
    let verifier = issuer.verifier().require_certificate_binding().build().unwrap();
    assert!(verifier.verify_offline(Presented::new(&token).with_certificate(certificate)).is_ok()); // R38
}

#[test]
fn the_ssp_may_forward_for_the_system_of_the_token() {
    let issuer = Issuer::new("k1");
    let (verifier, token) = (issuer.verifier().build().unwrap(), issuer.token());
    assert!(verifier.verify_offline(Presented::new(&token).from_system("200000000205")).is_ok());
    let refusal = verifier.verify_offline(Presented::new(&token).from_system("200000000999")).unwrap_err();
    assert_eq!(refusal.reason(), "asid_mismatch");
}

#[test]
fn groups_that_nobody_knows_open_nothing_and_harm_nothing() {
    let issuer = Issuer::new("k1");
    let token = issuer.token_with(|claims| claims["groups"] = json!(["*", "urn:x:y", Group::READ_SLOT.as_str()]));
    let verified = issuer.verify(&token).unwrap();
    assert_eq!(verified.groups(), [Group::parse("urn:x:y").unwrap(), Group::READ_SLOT]);
}

use super::*;

#[test]
fn a_missing_group_is_named_in_the_challenge() {
    let rejection = Rejection::GroupMissing { required: Group::READ_SLOT, held: vec![] };
    assert_eq!(rejection.status(), 403);
    assert_eq!(
        rejection.www_authenticate(),
        "Bearer realm=\"careconnect\", error=\"insufficient_scope\", error_description=\"group_missing\", \
         scope=\"urn:nhs:names:services:careconnect:fhir:rest:read:slot\""
    );
}

#[test]
fn a_request_without_a_token_gets_a_challenge_without_an_error() {
    assert_eq!(Rejection::NoToken.www_authenticate(), "Bearer realm=\"careconnect\"");
    assert_eq!(Rejection::NoToken.status(), 401);
}

#[test]
fn the_log_tells_both_sides() {
    let [expected, received] = [b"one", b"two"].map(|der| CertificateThumbprint::of_der(der));
    for (rejection, told) in [
        (
            Rejection::UnsupportedAlgorithm { allowed: vec![Algorithm::Es256, Algorithm::Rs256], received: None },
            "expected the algorithm ES256 or RS256, received none, or no string".to_owned(),
        ),
        (
            Rejection::AlgorithmOfAnotherKey { key: vec![Algorithm::Es256], received: Algorithm::Rs256 },
            "expected the algorithm that the key is for, ES256, received RS256".to_owned(),
        ),
        (Rejection::NotThreeParts { received: 5 }, "expected three parts joined by dots, received 5".to_owned()),
        (
            Rejection::CertificateMismatch(Binding::OtherCertificate { expected, received }),
            format!("expected the certificate {expected}, to which the token is bound, received {received}"),
        ),
    ] {
        assert_eq!(rejection.to_string(), told);
    }
}

#[test]
fn what_came_is_escaped_in_the_log() {
    let rejection = Rejection::UnknownKey { known: vec!["k1".to_owned()], key_id: "a\r\nlevel=INFO".to_owned() };
    let told = r#"expected the id of one of the issuer's keys, ["k1"], received "a\r\nlevel=INFO""#;
    assert_eq!(rejection.to_string(), told); // R55
}

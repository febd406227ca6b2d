use serde_json::json;

use super::*;
use crate::base64url::encode;

const NOW: i64 = 1_800_000_000;

fn token(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

fn header() -> Value {
    json!({ "alg": "none", "typ": "JWT" })
}

/// As GP Connect 1.x documents it.
fn gp_connect() -> Value {
    json!({
        "iss": "https://consumer.example.nhs.uk", "sub": "10019", "aud": "https://provider.example.nhs.uk/A20047/STU3/1",
        "iat": NOW, "exp": NOW + 300, "reason_for_request": "directcare", "requested_scope": "organization/*.read",
        "requesting_device": { "resourceType": "Device", "model": "Example", "version": "1",
            "identifier": [{ "system": "https://consumer.example/device", "value": "1" }] },
        "requesting_organization": { "resourceType": "Organization", "name": "Example 111",
            "identifier": [{ "system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "A1001" }] },
        "requesting_practitioner": { "resourceType": "Practitioner", "id": "10019", "name": [{ "family": "Jones" }],
            "identifier": [{ "system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "UNK" }] },
    })
}

/// As the Spine core documents it for an unattended call.
fn spine() -> Value {
    let system = "https://fhir.nhs.uk/Id/accredited-system|200000000205";
    json!({
        "iss": "https://consumer.example.nhs.uk", "sub": system, "aud": "https://provider.example.nhs.uk/A20047/STU3/1",
        "iat": NOW, "exp": NOW + 300, "reason_for_request": "directcare", "scope": "patient/*.read organization/*.write",
        "requesting_system": system, "requesting_organization": "https://fhir.nhs.uk/Id/ods-organization-code|A1001",
    })
}

fn read(claims: &Value) -> UnsignedToken {
    UnsignedToken::read(&token(&header(), claims)).unwrap()
}

fn rules_broken(claims: &Value) -> Vec<&'static str> {
    read(claims).findings(NOW).iter().map(|finding| finding.rule).collect()
}

#[test]
fn a_token_of_gp_connect_is_told_and_what_it_claims() {
    let read = read(&gp_connect());
    assert_eq!(read.dialect(), Dialect::GpConnect1);
    assert_eq!(read.findings(NOW), []);
    assert_eq!(
        (read.claimed_asid(), read.claimed_ods_code(), read.claimed_user()),
        (None, Some("A1001"), Some("10019"))
    );
    let readiness = read.readiness();
    assert_eq!(readiness.proven, ["ods_code"]);
    assert_eq!(readiness.learned, ["asid", "org_type", "groups"]);
    assert_eq!(readiness.lost, ["requesting_practitioner", "requesting_device", "requested_scope"]);
}

#[test]
fn a_token_of_the_spine_core_is_told_and_what_it_claims() {
    let read = read(&spine());
    assert_eq!(read.dialect(), Dialect::SpineCore);
    assert_eq!(read.findings(NOW), []);
    assert_eq!((read.claimed_asid(), read.claimed_ods_code()), (Some("200000000205"), Some("A1001")));
    assert_eq!((read.claimed_user(), read.readiness().lost), (None, vec![]));
}

#[test]
fn a_token_of_gp_connect_0_is_told_by_its_audience() {
    let mut claims = gp_connect();
    claims["aud"] = json!("https://authorize.fhir.nhs.net/token");
    claims["requested_record"] = json!({ "resourceType": "Patient", "identifier": [] });
    claims["requesting_organization"]["identifier"][0]["system"] =
        json!("http://fhir.nhs.net/Id/ods-organization-code");
    assert_eq!(read(&claims).dialect(), Dialect::GpConnect0);
    assert_eq!((rules_broken(&claims), read(&claims).claimed_ods_code()), (vec![], Some("A1001")));
    claims["requested_scope"] = json!("patient/*.write");
    assert_eq!(rules_broken(&claims), ["requested_scope"]);
}

#[test]
fn spellings_that_the_documents_disagree_on_are_no_findings() {
    let mut claims = spine();
    claims["sub"] = json!("https://fhir.nhs.uk/Id/accredited-system/200000000205");
    claims["requesting_system"] = claims["sub"].clone();
    claims["requesting_organisation"] = json!("http://fhir.nhs.net/Id/ods-organization-code|A1001");
    claims.as_object_mut().unwrap().remove("requesting_organization");
    claims["scope"] = json!("patient/Documentreference.read");
    assert_eq!((rules_broken(&claims), read(&claims).claimed_ods_code()), (vec![], Some("A1001")));

    claims["requesting_practitioner"] = json!("https://fhir.nhs.uk/Id/sds-role-profile-id|4387293874928");
    assert_eq!(rules_broken(&claims), ["sub"]);
    claims["sub"] = claims["requesting_practitioner"].clone();
    assert_eq!(rules_broken(&claims), Vec::<&str>::new());

    let mut claims = gp_connect(); // as the UEC appointments specification uses it
    claims["requested_scope"] = json!("organization/slot.read");
    claims.as_object_mut().unwrap().remove("requesting_practitioner");
    assert_eq!(rules_broken(&claims), Vec::<&str>::new());
}

#[test]
fn every_documented_rule_that_is_broken_is_a_finding() {
    let cases: [(&str, Value, &[&str]); 14] = [
        ("exp", json!(NOW + 301), &["exp - iat"]),
        ("exp", json!(NOW - 1), &["exp", "exp - iat"]),
        ("exp", json!("1800000300"), &["exp"]),
        ("iat", json!(NOW + 6), &["iat", "exp - iat"]),
        ("iat", json!(i64::MIN), &["exp - iat"]),
        ("iss", json!(""), &["iss"]),
        ("aud", json!(["x"]), &["aud"]),
        ("sub", json!("somebody"), &["sub"]),
        ("reason_for_request", json!("secondaryuses"), &["reason_for_request"]),
        ("requested_scope", json!("patient/*.admin"), &["requested_scope"]),
        ("requested_record", json!({}), &["requested_record"]),
        ("requesting_device", json!({ "resourceType": "Patient" }), &["requesting_device"]),
        ("requesting_organization", json!({ "resourceType": "Organization" }), &["requesting_organization"]),
        ("requesting_practitioner", json!({ "resourceType": "Practitioner" }), &["sub"]),
    ];
    for (claim, value, expected) in cases {
        let mut claims = gp_connect();
        claims[claim] = value;
        assert_eq!(rules_broken(&claims), expected, "{claim}");
    }
    let mut claims = spine();
    claims["requesting_system"] = json!("ABC123");
    claims["scope"] = json!("everything");
    assert_eq!(rules_broken(&claims), ["scope", "requesting_system", "sub"]);
    assert_eq!(rules_broken(&json!({ "requested_scope": 1 })).len(), 11);
    assert!(rules_broken(&json!({})).contains(&"dialect"));
}

#[test]
fn the_form_has_findings_too() {
    let whole = token(&json!({ "alg": "none", "typ": "at+jwt", "kid": "x" }), &gp_connect());
    let read = UnsignedToken::read(whole.strip_suffix('.').unwrap()).unwrap();
    let findings: Vec<_> = read.findings(NOW).iter().map(ToString::to_string).collect();
    assert_eq!(
        findings,
        [
            "expected end to be a dot, received none",
            r#"expected typ to be "JWT", received "at+jwt""#,
            "expected header to be alg and typ alone, received 1 more",
        ]
    );
}

#[test]
fn what_is_signed_or_was_is_for_the_verifier() {
    let unsigned = token(&header(), &gp_connect());
    assert!(is_unsigned(&unsigned));
    for (text, expected) in [
        (unsigned.clone() + "c2ln", "expected no signature, received one"),
        (token(&json!({ "alg": "RS256" }), &gp_connect()), r#"expected alg "none", received "RS256""#),
        (token(&json!({ "alg": "None" }), &gp_connect()), r#"expected alg "none", received "None""#),
        (token(&json!({}), &gp_connect()), r#"expected alg "none", received none"#),
        (unsigned.clone() + ".", "expected two parts and a dot, received 4 parts"),
        ("opaque".to_owned(), "expected two parts and a dot, received 1 parts"),
        (String::new(), "expected two parts and a dot, received 1 parts"),
        ("e30=.e30.".to_owned(), "the header is not base64url without padding, white space or stray bits"),
        ("W10.e30.".to_owned(), "the header is not a JSON object without repeated members"),
        ("a".repeat(20_000), "expected a token of at most 16384 bytes, received 20000"),
    ] {
        assert!(!is_unsigned(&text), "{text}");
        assert_eq!(UnsignedToken::read(&text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_payload_with_two_readings_is_refused() {
    for payload in [r#"{"sub":"a","sub":"b"}"#, r#"{"x":{"a":1,"\u0061":1}}"#, "[]", "null", "{} {}", ""] {
        let text = format!("{}.{}.", encode(header().to_string().as_bytes()), encode(payload.as_bytes()));
        assert!(matches!(UnsignedToken::read(&text), Err(NotUnsigned::Malformed { part: "payload", .. })), "{payload}");
    }
}

#[test]
fn what_is_reported_is_escaped_and_cut_short() {
    let mut claims = spine();
    claims["sub"] = json!(format!("\n\u{1b}{}", "x".repeat(9000)));
    let findings = read(&claims).findings(NOW);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].to_string().len() < 200 && !findings[0].to_string().contains(['\n', '\u{1b}']), "{findings:?}");
}

use serde_json::Value;

use super::*;
use crate::Group;

const REFERENCE: &str = "09a01679-2564-4fb4-8129-aecc81ea2706";

fn expired() -> Rejection {
    Rejection::Expired { expired_at: 1, now: 2, leeway: 0 }
}

fn forbidden() -> Rejection {
    Rejection::GroupMissing { required: Group::CREATE_APPOINTMENT, held: vec![Group::READ_SLOT] }
}

fn unreadable() -> Rejection {
    Rejection::NotThreeParts { received: 1 }
}

fn other_system() -> Rejection {
    let expected = "200000000205".parse().unwrap();
    Rejection::AsidMismatch { expected, received: "200000000206".to_owned() }
}

fn unmatched() -> Rejection {
    Rejection::WrongReceiver { expected: Vec::new(), received: String::new() }
}

fn no_header(header: &'static str) -> Rejection {
    Rejection::SspHeader { header, expected: "an ASID", received: None }
}

fn unavailable() -> Rejection {
    Rejection::KeysUnavailable(crate::KeysUnavailable("away".to_owned()))
}

/// Status, issue type and first code.
fn said(profile: ResponseProfile, rejection: &Rejection) -> String {
    let answer = profile.answer(rejection, FhirFormat::Json, REFERENCE);
    let outcome: Value = serde_json::from_str(&answer.body).unwrap();
    let text = |pointer| outcome.pointer(pointer).and_then(Value::as_str).unwrap();
    format!("{} {} {}", answer.status, text("/issue/0/code"), text("/issue/0/details/coding/0/code"))
}

#[test]
fn each_profile_has_its_own_words_for_each_fault() {
    use ResponseProfile::{Bars, GpConnect, NhsBooking, Rfc6750, Spine, Uec};
    type Row = (ResponseProfile, [&'static str; 8]);
    const DENIED: &str = "403 forbidden ACCESS_DENIED";
    const ASID: &str = "403 forbidden ASID_CHECK_FAILED";
    const BAD: &str = "400 invalid BAD_REQUEST";
    const HEADER: &str = "400 invalid MISSING_OR_INVALID_HEADER";
    const AUTHORISATION: &str = "400 structure MISSING_OR_INVALID_HEADER";
    const UNMATCHED: &str = "400 invalid REQUEST_UNMATCHED";
    const AWAY: &str = "503 transient INTERNAL_SERVER_ERROR";
    let [login, security, ended] = [
        "401 login MISSING_OR_INVALID_HEADER",
        "401 security MISSING_OR_INVALID_HEADER",
        "401 expired MISSING_OR_INVALID_HEADER",
    ];
    const CREDENTIALS: &str = "401 forbidden AUTHOR_CREDENTIALS_ERROR";
    let rejections = [
        Rejection::NoToken,
        unreadable(),
        Rejection::BadSignature,
        expired(),
        forbidden(),
        other_system(),
        no_header("Ssp-From"),
        unavailable(),
    ];
    let table: [Row; 6] = [
        (Rfc6750, [login, security, security, ended, DENIED, "401 forbidden ASID_CHECK_FAILED", HEADER, AWAY]),
        (Uec, [login, AUTHORISATION, security, ended, DENIED, ASID, HEADER, AWAY]),
        (NhsBooking, [DENIED, DENIED, DENIED, DENIED, DENIED, ASID, HEADER, AWAY]),
        (GpConnect, [BAD, BAD, BAD, BAD, DENIED, ASID, BAD, AWAY]),
        (Spine, [AUTHORISATION, AUTHORISATION, CREDENTIALS, CREDENTIALS, DENIED, ASID, HEADER, AWAY]),
        (
            Bars,
            [
                "401 login REC_UNAUTHORIZED",
                "401 security REC_UNAUTHORIZED",
                "401 security REC_UNAUTHORIZED",
                "401 expired REC_UNAUTHORIZED",
                "403 forbidden REC_FORBIDDEN",
                "403 forbidden REC_FORBIDDEN",
                "400 invalid SEND_BAD_REQUEST",
                "503 transient REC_SERVICE_UNAVAILABLE",
            ],
        ),
    ];
    for (profile, expected) in table {
        let said: Vec<_> = rejections.iter().map(|rejection| said(profile, rejection)).collect();
        assert_eq!(said, expected, "{profile}");
    }
    assert_eq!(said(Spine, &unmatched()), UNMATCHED);
}

#[test]
fn every_answer_is_an_outcome_that_is_not_kept_and_names_its_reference() {
    for profile in ResponseProfile::ALL {
        for rejection in [Rejection::NoToken, forbidden(), unavailable()] {
            for format in [FhirFormat::Json, FhirFormat::Xml] {
                let answer = profile.answer(&rejection, format, REFERENCE);
                let header =
                    |name| answer.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
                assert_eq!(header("cache-control"), Some("no-store"));
                assert_eq!(header("content-type"), Some(format.content_type()));
                let challenged = (answer.status != 503).then(|| rejection.www_authenticate());
                assert_eq!(header("www-authenticate").map(str::to_owned), challenged);
                assert!(answer.body.matches(REFERENCE).count() == 2 && answer.body.contains(rejection.reason()));
            }
        }
    }
}

#[test]
fn the_documented_words_are_used_where_there_are_some() {
    for (profile, rejection, text) in [
        (ResponseProfile::GpConnect, Rejection::NoToken, "Authorization header missing ("),
        (ResponseProfile::GpConnect, expired(), "JWT Request time has expired ("),
        (ResponseProfile::Spine, Rejection::NoToken, "The Authorisation header must be supplied ("),
        (ResponseProfile::Spine, no_header("Ssp-From"), "fromASID HTTP Header is missing ("),
        (ResponseProfile::Spine, no_header("Ssp-To"), "toASID HTTP Header is missing ("),
        (
            ResponseProfile::Uec,
            forbidden(),
            "the token lacks the group urn:nhs:names:services:careconnect:fhir:rest:create:appointment (",
        ),
    ] {
        let answer = profile.answer(&rejection, FhirFormat::Json, REFERENCE);
        assert!(answer.body.contains(&format!("\"diagnostics\":\"{text}")), "{}", answer.body);
    }
}

#[test]
fn both_formats_say_the_same() {
    let [json, xml] = [FhirFormat::Json, FhirFormat::Xml]
        .map(|format| ResponseProfile::GpConnect.answer(&forbidden(), format, REFERENCE).body);
    assert_eq!(
        json,
        r#"{"resourceType":"OperationOutcome","id":"09a01679-2564-4fb4-8129-aecc81ea2706","meta":{"profile":["https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-OperationOutcome-1"]},"issue":[{"severity":"error","code":"forbidden","details":{"coding":[{"system":"https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1","code":"ACCESS_DENIED","display":"Access has been denied to process this request"}]},"diagnostics":"the token lacks the group urn:nhs:names:services:careconnect:fhir:rest:create:appointment (group_missing, reference 09a01679-2564-4fb4-8129-aecc81ea2706)"}]}"#
    );
    assert_eq!(
        xml,
        r#"<OperationOutcome xmlns="http://hl7.org/fhir"><id value="09a01679-2564-4fb4-8129-aecc81ea2706"/><meta><profile value="https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-OperationOutcome-1"/></meta><issue><severity value="error"/><code value="forbidden"/><details><coding><system value="https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1"/><code value="ACCESS_DENIED"/><display value="Access has been denied to process this request"/></coding></details><diagnostics value="the token lacks the group urn:nhs:names:services:careconnect:fhir:rest:create:appointment (group_missing, reference 09a01679-2564-4fb4-8129-aecc81ea2706)"/></issue></OperationOutcome>"#
    );
}

#[test]
fn nothing_that_came_goes_back() {
    let hostile = "\"><script>".to_owned();
    for rejection in [
        Rejection::WrongIssuer { expected: "https://issuer".to_owned(), received: hostile.clone() },
        Rejection::WrongType { received: Some(hostile.clone()) },
        Rejection::UnknownInteraction { method: hostile.clone(), path: hostile.clone() },
        Rejection::WrongReceiver { expected: Vec::new(), received: hostile.clone() },
        Rejection::SspHeader { header: "Ssp-To", expected: "an ASID", received: Some(hostile.clone()) },
    ] {
        let answer = ResponseProfile::Rfc6750.answer(&rejection, FhirFormat::Xml, REFERENCE);
        assert!(!answer.body.contains("script"), "{}", answer.body); // R55
    }
}

#[test]
fn a_profile_is_chosen_by_name() {
    for profile in ResponseProfile::ALL {
        assert_eq!(profile.name().parse(), Ok(profile));
    }
    assert!("RFC6750".parse::<ResponseProfile>().is_err());
}

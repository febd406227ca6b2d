//! `NHSD-End-User-Organisation` of the NHS Booking and Referral Standard (BaRS): the organisation that a sender says it
//! works for, unsigned. With a token beside it, it can be held against something that is proven.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    OdsCode, VerifiedToken,
    strict_json::{self, Unambiguous},
};

/// The header's name, in lower case.
pub const HEADER: &str = "nhsd-end-user-organisation";

/// The longest value that is read, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Why the header does not say what the token proves. `Display` is for the log; its texts are escaped and cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndUserOrganisationFault {
    /// Longer than any that is read.
    #[error("expected an NHSD-End-User-Organisation of at most {limit} bytes, received {received}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The header's length in bytes.
        received: usize,
    },
    /// Not readable, or in two ways.
    #[error("expected NHSD-End-User-Organisation to be {expected}, received something else")]
    Unreadable {
        /// What it had to be.
        expected: &'static str,
    },
    /// A readable organisation that does not say which.
    #[error("expected an identifier of the system {system} with an ODS code in NHSD-End-User-Organisation, received {received}", system = OdsCode::SYSTEM)]
    NoOdsCode {
        /// What came instead.
        received: String,
    },
    /// Another organisation than the token's.
    #[error("expected NHSD-End-User-Organisation to be of {expected}, the token's organisation, received {received}")]
    AnotherOrganisation {
        /// The token's.
        expected: OdsCode,
        /// The header's.
        received: OdsCode,
    },
}

/// Is the header's value, standard base64 of a FHIR Organization in JSON, about the token's organisation? It must have an
/// ODS code, and if it has several, all must be the token's; the code's case does not count.
pub fn compare(header: &str, token: &VerifiedToken) -> Result<(), EndUserOrganisationFault> {
    let codes = ods_codes(&organisation(header)?)?;
    match codes.into_iter().find(|code| code != token.ods_code()) {
        None => Ok(()),
        Some(received) => {
            Err(EndUserOrganisationFault::AnotherOrganisation { expected: token.ods_code().clone(), received })
        }
    }
}

fn organisation(header: &str) -> Result<Value, EndUserOrganisationFault> {
    let unreadable = |expected| EndUserOrganisationFault::Unreadable { expected };
    if header.len() > MAX_BYTES {
        return Err(EndUserOrganisationFault::TooLarge { limit: MAX_BYTES, received: header.len() });
    }
    let json = STANDARD.decode(header).map_err(|_| unreadable("standard base64 with padding (RFC 4648 section 4)"))?;
    strict_json::read(&json, |json, _| Unambiguous::deserialize(json))
        .map_err(|_| unreadable("base64 of JSON without repeated members"))?;
    let organisation: Value = serde_json::from_slice(&json).map_err(|_| unreadable("base64 of JSON"))?;
    if organisation["resourceType"] == "Organization" {
        Ok(organisation)
    } else {
        Err(unreadable("base64 of a FHIR Organization"))
    }
}

/// All of them, at least one. STU3 and R4 have an array of identifiers; one alone is understood.
fn ods_codes(organisation: &Value) -> Result<Vec<OdsCode>, EndUserOrganisationFault> {
    let identifiers = match &organisation["identifier"] {
        Value::Array(identifiers) => identifiers.as_slice(),
        one => std::slice::from_ref(one),
    };
    let of_ods = identifiers.iter().filter(|identifier| is_ods(identifier["system"].as_str().unwrap_or_default()));
    let codes = of_ods.map(|identifier| {
        let value = identifier["value"].as_str().unwrap_or_default();
        OdsCode::parse(value)
            .map_err(|invalid| EndUserOrganisationFault::NoOdsCode { received: format!("{:?}", invalid.received) })
    });
    let codes = codes.collect::<Result<Vec<_>, _>>()?;
    if codes.is_empty() { Err(EndUserOrganisationFault::NoOdsCode { received: "none".to_owned() }) } else { Ok(codes) }
}

/// The naming system, also as it was called before 2018.
pub(crate) fn is_ods(system: &str) -> bool {
    let path = system.strip_prefix("https://").or_else(|| system.strip_prefix("http://"));
    matches!(path, Some("fhir.nhs.uk/Id/ods-organization-code" | "fhir.nhs.net/Id/ods-organization-code"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample_token::token_of;

    fn held_against_the_token(organisation: impl ToString) -> Result<(), EndUserOrganisationFault> {
        compare(&STANDARD.encode(organisation.to_string()), &token_of("A1001", "urgent-care"))
    }

    fn of(identifier: Value) -> Value {
        json!({ "resourceType": "Organization", "name": "Example 111", "identifier": identifier })
    }

    #[test]
    fn the_tokens_organisation_passes() {
        for code in ["A1001", "a1001"] {
            let ods = json!({ "system": OdsCode::SYSTEM, "value": code });
            let local = json!({ "system": "https://example.com/Id", "value": "B82617" });
            assert_eq!(held_against_the_token(of(json!([local, ods]))), Ok(()));
            assert_eq!(held_against_the_token(of(ods)), Ok(()));
        }
    }

    #[test]
    fn another_organisation_is_refused_even_beside_the_tokens() {
        let [own, other] = ["A1001", "B82617"].map(|code| json!({ "system": OdsCode::SYSTEM, "value": code }));
        for identifiers in [json!([other]), json!([own, other])] {
            let fault = held_against_the_token(of(identifiers)).unwrap_err();
            assert_eq!(
                fault.to_string(),
                "expected NHSD-End-User-Organisation to be of A1001, the token's organisation, received B82617"
            );
        }
    }

    #[test]
    fn an_organisation_without_a_readable_ods_code_is_refused() {
        for identifier in [
            json!([]),
            json!(null),
            json!("A1001"),
            json!([{ "value": "A1001" }]),
            json!([{ "system": "https://fhir.nhs.uk/Id/ods-site-code", "value": "A1001" }]),
            json!([{ "system": OdsCode::SYSTEM }]),
            json!([{ "system": OdsCode::SYSTEM, "value": "\u{1b}".repeat(500) }]),
        ] {
            let fault = held_against_the_token(of(identifier)).unwrap_err();
            assert!(matches!(fault, EndUserOrganisationFault::NoOdsCode { .. }), "{fault}");
            assert!(fault.to_string().len() < 600 && !fault.to_string().contains('\u{1b}'), "{fault}");
        }
    }

    #[test]
    fn what_can_be_read_in_no_way_or_in_two_is_refused() {
        let twice = r#"{"resourceType":"Organization","identifier":[],"identifier":[]}"#;
        for json in [twice, "", "[]", "null", "{", r#"{"resourceType":"Device"}"#] {
            let fault = held_against_the_token(json).unwrap_err();
            assert!(matches!(fault, EndUserOrganisationFault::Unreadable { .. }), "{json}: {fault}");
        }
        let token = token_of("A1001", "urgent-care");
        for header in ["e30", "e3 0=", "_-8=", "%%%"] {
            assert!(compare(header, &token).is_err(), "{header}");
        }
        let fault = compare(&"A".repeat(20_000), &token).unwrap_err();
        assert_eq!(fault, EndUserOrganisationFault::TooLarge { limit: 16_384, received: 20_000 });
    }
}

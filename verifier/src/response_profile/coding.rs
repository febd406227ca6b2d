//! The codes that NHS specifications have for refusals.

use serde::Serialize;

/// One coding of an OperationOutcome's details.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Coding {
    pub(super) system: &'static str,
    pub(super) code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<&'static str>,
}

/// Spine-ErrorOrWarningCode-1, under its CodeSystem's name: the ValueSet's, which older documents have, is a mistake.
pub(super) fn spine(code: &'static str) -> Coding {
    let display = match code {
        "ACCESS_DENIED" => Some("Access has been denied to process this request"),
        "ASID_CHECK_FAILED" => Some("The sender or receiver's ASID is not authorised for this interaction"),
        "AUTHOR_CREDENTIALS_ERROR" => Some("Author credentials error"),
        "BAD_REQUEST" => Some("Bad request"),
        "INTERNAL_SERVER_ERROR" => Some("Unexpected internal server error"),
        "MISSING_OR_INVALID_HEADER" => Some("There is a required header missing or invalid"),
        "REQUEST_UNMATCHED" => Some("Request does not match authorisation token"),
        _ => None,
    };
    Coding { system: "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1", code, display }
}

/// NHSD-API-ErrorOrWarningCode of the NHS API platform.
pub(super) fn platform(code: &'static str) -> Coding {
    Coding { system: "https://fhir.nhs.uk/CodeSystem/NHSD-API-ErrorOrWarningCode", code, display: None }
}

/// The codes of the Booking and Referral Standard; the casing of its system is its own.
pub(super) fn bars(code: &'static str) -> Coding {
    Coding { system: "https://fhir.nhs.uk/Codesystem/http-error-codes", code, display: None }
}

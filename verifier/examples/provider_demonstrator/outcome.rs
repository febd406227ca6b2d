//! What the provider answers when it is not the guard that refuses: FHIR OperationOutcomes, in the words of GP Connect and of
//! the UEC Appointments specification.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

pub(crate) const FHIR_JSON: &str = "application/fhir+json;charset=utf-8";

/// What is wrong, as the specifications name it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    NotWellFormed,
    BadRequest,
    Unmatched,
    AccessDenied,
    NotFound,
    Conflict,
    PreconditionMissing,
    UnsupportedMediaType,
    InvalidParameter,
    InvalidResource,
    NotImplemented,
}

/// A refusal. What came is quoted cut short, and is never a token.
#[derive(Debug)]
pub(crate) struct Problem {
    fault: Fault,
    diagnostics: String,
}

impl Fault {
    pub(crate) fn because(self, diagnostics: impl Into<String>) -> Problem {
        Problem { fault: self, diagnostics: diagnostics.into() }
    }

    /// Status, FHIR's issue type, Spine's code and its display.
    fn words(self) -> (u16, &'static str, &'static str, &'static str) {
        const DENIED: &str = "Access has been denied to process this request";
        match self {
            Self::NotWellFormed => (400, "structure", "MESSAGE_NOT_WELL_FORMED", "Message not well formed"),
            Self::BadRequest => (400, "invalid", "BAD_REQUEST", "Bad request"),
            Self::Unmatched => (400, "invalid", "REQUEST_UNMATCHED", "Request does not match authorisation token"),
            Self::AccessDenied => (403, "forbidden", "ACCESS_DENIED", DENIED),
            Self::NotFound => (404, "not-found", "NO_RECORD_FOUND", "No record found"),
            Self::Conflict => (409, "conflict", "FHIR_CONSTRAINT_VIOLATION", "FHIR constraint violated"),
            Self::PreconditionMissing => (412, "required", "BAD_REQUEST", "Bad request"),
            Self::UnsupportedMediaType => (415, "not-supported", "BAD_REQUEST", "Bad request"),
            Self::InvalidParameter => (422, "invalid", "INVALID_PARAMETER", "Invalid parameter"),
            Self::InvalidResource => (422, "invalid", "INVALID_RESOURCE", "Invalid validation of resource"),
            Self::NotImplemented => (501, "not-supported", "NOT_IMPLEMENTED", "Not implemented"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let reference = format!("demonstrator-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (status, issue, code, display) = self.fault.words();
        tracing::info!(reference, status, code, diagnostics = self.diagnostics, "a request was refused by the diary");
        let outcome = json!({
            "resourceType": "OperationOutcome",
            "id": reference,
            "meta": { "profile": ["https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-OperationOutcome-1"] },
            "issue": [{
                "severity": "error",
                "code": issue,
                "details": { "coding": [{
                    "system": "https://fhir.nhs.uk/STU3/CodeSystem/Spine-ErrorOrWarningCode-1",
                    "code": code,
                    "display": display,
                }] },
                "diagnostics": self.diagnostics,
            }],
        });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, fhir(&outcome)).into_response()
    }
}

/// A resource as an answer's body. The guard's layer adds `Cache-Control: no-store`.
pub(crate) fn fhir(resource: &Value) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, FHIR_JSON)], resource.to_string())
}

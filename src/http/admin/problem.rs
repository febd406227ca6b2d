//! What is wrong with a request, as HTTP says it: problem details (RFC 9457) with every fault at once.

use std::{fmt::Display, sync::Arc};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::MOST_BODY_BYTES;
use crate::domain::{Fault, PreconditionFailed, ProblemKind, client_secret::redacted};

/// Something that is wrong, on its way out. `describe.rs` adds what needs the trace id and the issuer.
#[derive(Debug)]
pub struct Problem {
    pub(super) kind: ProblemKind,
    pub(super) detail: String,
    pub(super) errors: Vec<Wrong>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log alone.
    pub(super) cause: Option<String>,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Wrong {
    /// JSON Pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Instead: a parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    detail: String,
}

impl Problem {
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let detail = redacted(&detail.into());
        Self { kind, detail, errors: Vec::new(), headers: Vec::new(), cause: None }
    }

    /// 400: path, header or JSON cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Malformed, detail)
    }

    /// 400: parameters of the query, each with what is wrong with it.
    pub fn parameters(faults: impl IntoIterator<Item = (String, String)>) -> Self {
        let wrong =
            |(name, detail): (_, String)| Wrong { pointer: None, parameter: Some(name), detail: redacted(&detail) };
        let errors: Vec<Wrong> = faults.into_iter().map(wrong).collect();
        Self { errors, ..Self::new(ProblemKind::Malformed, "the query of the URL is wrong: see errors") }
    }

    /// 401.
    pub fn not_authenticated(detail: impl Into<String>) -> Self {
        // RFC 9110 §15.5.2 wants a challenge, and there is no registered scheme for certificates.
        let challenge = HeaderValue::from_static(r#"Certificate realm="careconnect-auth admin""#);
        Self::new(ProblemKind::NotAuthenticated, detail).with_header(header::WWW_AUTHENTICATE, challenge)
    }

    /// 403.
    pub fn not_permitted(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotPermitted, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Conflict, detail)
    }

    /// 413.
    pub fn body_too_large() -> Self {
        Self::new(ProblemKind::BodyTooLarge, format!("the body is longer than {MOST_BODY_BYTES} bytes"))
    }

    /// 415.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::UnsupportedMediaType, detail)
    }

    /// 422, with every fault.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let wrong = |fault: Fault| Wrong { pointer: Some(fault.pointer), parameter: None, detail: fault.detail };
        let errors = faults.into_iter().map(wrong).collect();
        Self { errors, ..Self::new(ProblemKind::Invalid, "some members of the body are wrong: see errors") }
    }

    /// 428.
    pub fn precondition_required() -> Self {
        let detail = "say on which state you decided: send the ETag that you got with it as If-Match, or If-None-Match: * \
                      for what is not there yet where that is allowed";
        Self::new(ProblemKind::PreconditionRequired, detail)
    }

    /// 500; the cause is for the log alone.
    pub fn internal(cause: impl Display) -> Self {
        Self::new(ProblemKind::InternalError, "the server failed; the operator sees why in its log").because(cause)
    }

    /// 503; the cause is for the log alone.
    pub fn unavailable(cause: impl Display) -> Self {
        Self::new(ProblemKind::Unavailable, "the database is out of reach, and nothing was changed: try again shortly")
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
            .because(cause)
    }

    /// 503: the Spine Directory Service, not the server.
    pub fn directory_unavailable(why: impl Display) -> Self {
        Self::new(ProblemKind::DirectoryUnavailable, why.to_string())
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("30"))
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What only the log tells.
    #[must_use]
    pub fn because(self, cause: impl Display) -> Self {
        Self { cause: Some(cause.to_string()), ..self }
    }

    /// What a library answered by itself, such as to a path that is not UTF-8.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::malformed("the path or a header cannot be read"),
            StatusCode::NOT_FOUND => Self::not_found("there is nothing at this path"),
            other => Self::internal(format!("an answer of {other} without a problem")),
        }
    }

    /// All that the answer says is wrong, in one text.
    pub(super) fn sentence(&self) -> String {
        let place = |wrong: &Wrong| wrong.pointer.clone().or_else(|| wrong.parameter.clone()).unwrap_or_default();
        let faults = self.errors.iter().map(|wrong| format!("; {}: {}", place(wrong), wrong.detail));
        self.detail.clone() + &faults.collect::<String>()
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Vec<Fault>> for Problem {
    fn from(faults: Vec<Fault>) -> Self {
        Self::invalid(faults)
    }
}

impl From<PreconditionFailed> for Problem {
    fn from(failed: PreconditionFailed) -> Self {
        let problem = Self::new(ProblemKind::PreconditionFailed, failed.to_string());
        match failed.current.and_then(|tag| HeaderValue::from_str(tag.as_str()).ok()) {
            Some(tag) => problem.with_header(header::ETAG, tag),
            None => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.headers_mut().extend(self.headers.iter().cloned());
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

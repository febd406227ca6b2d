//! The only file that turns what is wrong into HTTP: problem details (RFC 9457) with every fault at once.

use std::{any::Any, fmt::Display, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    super::{errors::log_panic, trace_id::TraceId},
    AdminState, MOST_BODY_BYTES,
    identity::Administrator,
    refused_change::{RefusedChange, record_refused},
};
use crate::{
    domain::{Fault, PreconditionFailed, ProblemKind, client_secret::redacted},
    storage::StorageError,
    telemetry::legible,
};

/// Something that is wrong, on its way out. [`describe`] adds what needs the trace id and the issuer.
#[derive(Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    errors: Vec<Wrong>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log alone.
    cause: Option<String>,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, Serialize)]
struct Wrong {
    /// JSON Pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// Instead: a parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    detail: String,
}

impl Problem {
    fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
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
        let detail = "say on which state you decided: send the ETag that you got with it as If-Match";
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
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::malformed("the path or a header cannot be read"),
            StatusCode::NOT_FOUND => Self::not_found("there is nothing at this path"),
            other => Self::internal(format!("an answer of {other} without a problem")),
        }
    }

    fn status(&self) -> StatusCode {
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

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match &error {
            StorageError::NotFound { .. } => Self::not_found(error.to_string()),
            StorageError::AlreadyExists { .. } => Self::conflict(error.to_string()),
            StorageError::UnknownReference { .. } => {
                Self::invalid(vec![Fault { pointer: String::new(), detail: error.to_string() }])
            }
            _ if error.is_unavailable() => Self::unavailable(error),
            _ => Self::internal(error),
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

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    trace_id: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Wrong],
}

/// Writes the body of every problem that comes from further in, and the line in the log or in the audit record.
pub(super) async fn describe(
    State(state): State<AdminState>,
    Extension(TraceId(trace_id)): Extension<TraceId>,
    request: Request,
    next: Next,
) -> Response {
    let (method, path) = (request.method().clone(), legible(request.uri().path()).to_string());
    let changes = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
    let answer = async move {
        let response = next.run(request).await;
        if response.status().is_success() || response.status().is_redirection() {
            return response;
        }
        let (mut parts, _) = response.into_parts();
        let problem = parts.extensions.remove().unwrap_or_else(|| Arc::new(Problem::of_status(parts.status)));
        let actor = parts.extensions.remove::<Administrator>().map(|administrator| administrator.actor());
        let (status, detail, errors) = (problem.status(), problem.detail.as_str(), problem.errors.len());
        let cause = problem.cause.as_deref().map(legible);
        if status.is_server_error() {
            tracing::error!(event = "admin_request_failed", %trace_id, %method, path, cause, "{detail}");
        }
        if changes {
            let refused =
                RefusedChange { actor: actor.as_ref(), method: &method, path: &path, status, detail, trace_id };
            record_refused(&state.app, &refused).await;
        } else {
            let actor = actor.map(|actor| actor.name);
            let status = status.as_u16();
            tracing::info!(event = "admin_read_refused", %trace_id, actor, %method, path, status, errors, cause, "{detail}");
        }
        let body = Body {
            r#type: format!("{}/errors/{}", state.app.issuer.as_str(), problem.kind.name()),
            title: problem.kind.title(),
            status: problem.kind.status(),
            detail,
            trace_id: trace_id.to_string(),
            errors: &problem.errors,
        };
        let body = serde_json::to_vec(&body).unwrap_or_default(); // texts and numbers always are JSON
        parts.headers.remove(header::CONTENT_LENGTH);
        let about = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut described = (status, about, body).into_response();
        parts.headers.remove(header::CONTENT_TYPE);
        described.headers_mut().extend(parts.headers);
        described
    };
    if !changes {
        return answer.await;
    }
    // In a task of its own: a caller that hangs up leaves what it tried, or the whole change, behind.
    match tokio::spawn(answer).await {
        Ok(response) => response,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()), // nobody else ends the task
    }
}

pub(super) async fn not_found() -> Problem {
    Problem::not_found("there is nothing at this path: see openapi.yaml")
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(ProblemKind::MethodNotAllowed, "this path does not take this method: see Allow")
}

/// Gives up on a request that takes longer than `limit`.
pub(super) async fn give_up(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        let detail = format!("the request took longer than {} seconds", limit.as_secs());
        Problem::new(ProblemKind::RequestTimeout, detail).into_response()
    })
}

/// A panic is a bug; it costs one request.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    log_panic(&*panic);
    Problem::internal("a request panicked").into_response()
}

//! What lies around all that refuses: the body of every problem, and its line in the log or its record.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    super::{errors::log_panic, trace_id::TraceId},
    AdminState,
    identity::{Administrator, Place},
    problem::{Problem, Wrong},
    refused_change::{RefusedChange, record_refused},
};
use crate::{domain::ProblemKind, telemetry::legible};

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

/// Writes the body of every problem that comes from further in, and notes it.
pub(super) async fn describe(
    State(state): State<AdminState>,
    Extension(TraceId(trace_id)): Extension<TraceId>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let asked = Asked { method: request.method().clone(), route, path: legible(request.uri().path()), trace_id };
    if !asked.is_change() {
        return answer(&state, &asked, request, next).await;
    }
    // In a task of its own: a caller that hangs up leaves what it tried, or the whole change, behind.
    match tokio::spawn(async move { answer(&state, &asked, request, next).await }).await {
        Ok(response) => response,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()), // nobody else ends the task
    }
}

/// What is known of a request before it is answered.
struct Asked {
    method: Method,
    /// Its path with names instead of parameters, if there is such a path.
    route: Option<String>,
    path: String,
    trace_id: Uuid,
}

impl Asked {
    fn is_change(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }
}

async fn answer(state: &AdminState, asked: &Asked, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if response.status().is_success() || response.status().is_redirection() {
        return response;
    }
    let (mut parts, _no_body_yet) = response.into_parts();
    let problem = parts.extensions.remove().unwrap_or_else(|| Arc::new(Problem::of_status(parts.status)));
    let administrator = parts.extensions.remove::<Administrator>();
    let _place = parts.extensions.remove::<Place>(); // until it is noted
    note(state, asked, &problem, administrator.as_ref()).await;
    let body = Body {
        r#type: format!("{}/errors/{}", state.app.issuer.as_str(), problem.kind.name()),
        title: problem.kind.title(),
        status: problem.kind.status(),
        detail: &problem.detail,
        trace_id: asked.trace_id.to_string(),
        errors: &problem.errors,
    };
    let body = serde_json::to_vec(&body).unwrap_or_default(); // texts and numbers always are JSON
    let mut described = (problem.status(), body).into_response();
    for replaced in [header::CONTENT_LENGTH, header::CONTENT_TYPE] {
        parts.headers.remove(replaced);
    }
    let headers = described.headers_mut();
    headers.extend(parts.headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    described
}

async fn note(state: &AdminState, asked: &Asked, problem: &Problem, administrator: Option<&Administrator>) {
    let Asked { method, route, path, trace_id } = asked;
    let (status, detail, cause) =
        (problem.status(), legible(&problem.sentence()), problem.cause.as_deref().map(legible));
    if status.is_server_error() {
        tracing::error!(event = "admin_request_failed", %trace_id, %method, path, cause, "{detail}");
    }
    if asked.is_change() {
        let actor = administrator.map(Administrator::actor);
        let route = route.as_deref();
        let refused = RefusedChange { actor, method, route, path, status, detail: &detail, trace_id: *trace_id };
        record_refused(&state.app, refused).await;
    } else {
        let (actor, status) = (administrator.map(|one| one.name.as_ref()), status.as_u16());
        tracing::info!(event = "admin_read_refused", %trace_id, actor, %method, path, status, detail, cause, "read refused");
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

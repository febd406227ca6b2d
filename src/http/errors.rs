//! The only file that turns refusals into HTTP: status, headers, and the JSON of RFC 6749 §5.2 with four extras.

use std::{any::Any, sync::Arc};

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{ServerState, TOKEN, trace_id::TraceId};
use crate::{
    authentication::peer::PeerConnection,
    domain::{ErrorCode, Reason, Refusal},
    operations::{
        authenticate_consumer::Caller,
        record_outcome::{Claimed, record_refusal},
    },
    telemetry::legible,
};

/// A refusal on its way out. [`explain`] adds the body, which needs the trace id and the issuer.
pub(super) struct RefusedResponse {
    refusal: Refusal,
    is_recorded: bool,
}

impl RefusedResponse {
    /// A refusal that nobody has written into the log yet.
    pub(super) const fn new(refusal: Refusal) -> Self {
        Self { refusal, is_recorded: false }
    }

    /// A refusal that is in the log.
    pub(super) const fn recorded(refusal: Refusal) -> Self {
        Self { refusal, is_recorded: true }
    }
}

impl IntoResponse for RefusedResponse {
    fn into_response(self) -> Response {
        let mut response = status(self.refusal.reason).into_response();
        let headers = response.headers_mut();
        if response_needs_challenge(self.refusal.reason) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="careconnect-auth""#));
        }
        if self.refusal.reason.code() == ErrorCode::TemporarilyUnavailable {
            headers.insert(header::RETRY_AFTER, self.refusal.retry_after.unwrap_or(1).into());
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

fn status(reason: Reason) -> StatusCode {
    StatusCode::from_u16(reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn response_needs_challenge(reason: Reason) -> bool {
    status(reason) == StatusCode::UNAUTHORIZED // R14, RFC 9110 §15.5.2
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'static str,
    error_description: &'a str,
    reason: &'static str,
    trace_id: String,
    error_uri: String,
}

/// Writes the body of every refusal that comes from further in.
pub(super) async fn explain(
    State(state): State<ServerState>,
    Extension(TraceId(trace_id)): Extension<TraceId>,
    request: Request,
    next: Next,
) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let peer = request.extensions().get::<PeerConnection>().cloned();
    let asked_for_token = method == Method::POST && uri.path().strip_prefix(state.app.issuer.path()) == Some(TOKEN);
    let mut response = next.run(request).await;
    let Some(refused) = response.extensions_mut().remove::<Arc<RefusedResponse>>() else { return response };
    let refusal = &refused.refusal;
    if let (false, Some(peer), true) = (refused.is_recorded, &peer, asked_for_token) {
        record_refusal(&state.app, &Claimed::default(), refusal, &Caller { peer, trace_id }).await;
    } else if !refused.is_recorded {
        tracing::info!(
            %trace_id,
            address = peer.as_ref().map(|peer| tracing::field::display(peer.address)),
            %method,
            path = legible(uri.path()),
            reason = refusal.reason.name(),
            "request refused"
        );
    }
    let body = Json(ErrorBody {
        error: refusal.reason.code().name(),
        error_description: &printable(&refusal.description),
        reason: refusal.reason.name(),
        trace_id: trace_id.to_string(),
        error_uri: format!("{}/errors/{}", state.app.issuer.as_str(), refusal.reason.name()),
    });
    let (parts, _empty) = response.into_parts();
    let mut explained = body.into_response();
    *explained.status_mut() = parts.status;
    explained.headers_mut().extend(parts.headers);
    explained
}

/// `error_description` has no quotation marks, backslashes or characters outside ASCII (RFC 6749 §5.2).
fn printable(sentence: &str) -> String {
    let replaced = |character| match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    };
    sentence.chars().map(replaced).collect()
}

pub(super) async fn not_found(State(state): State<ServerState>) -> RefusedResponse {
    let sentence = format!("there is nothing at this path; tokens are at {}/oauth2/token", state.app.issuer.as_str());
    RefusedResponse::new(Refusal::new(Reason::NotFound, sentence))
}

pub(super) async fn method_not_allowed() -> RefusedResponse {
    RefusedResponse::new(Refusal::new(Reason::MethodNotAllowed, "this path does not take this method: see Allow"))
}

/// A panic is a bug; it costs one request.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    log_panic(&*panic);
    RefusedResponse::new(Refusal::new(Reason::InternalError, "the server failed; the operator sees why in its log"))
        .into_response()
}

pub(super) fn log_panic(panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("without a text"), "a request panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_what_rfc_6749_allows() {
        assert_eq!(printable("\"a\\b\" é\r\n"), "'a/b' ???");
    }

    #[test]
    fn only_faults_of_ours_are_server_errors() {
        for reason in Reason::ALL {
            let too_many = status(*reason) == StatusCode::TOO_MANY_REQUESTS;
            let ours = !too_many && matches!(reason.code(), ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable);
            assert_eq!(status(*reason).is_server_error(), ours, "{}", reason.name());
        }
    }
}

//! The token endpoint (RFC 6749 §4.4): HTTP around one operation.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri, header},
    response::IntoResponse,
};
use serde::Serialize;

use super::{ServerState, errors::RefusedResponse, form::Form, forwarded::RefusedHeader, trace_id::TraceId};
use crate::{
    authentication::peer::PeerConnection,
    operations::{authenticate_consumer::Caller, issue_token::issue_token},
};

/// RFC 6749 §5.1.
#[derive(Serialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
}

pub(super) async fn token(
    State(state): State<ServerState>,
    Extension(peer): Extension<PeerConnection>,
    Extension(TraceId(trace_id)): Extension<TraceId>,
    refused: Option<Extension<RefusedHeader>>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, RefusedResponse> {
    if let Some(Extension(RefusedHeader(refusal))) = refused {
        return Err(RefusedResponse::new(refusal));
    }
    let Form { authorization, body } = Form::read(&uri, &headers, body).await.map_err(RefusedResponse::new)?;
    // In a task of its own: a caller that hangs up leaves its failure, and its line in the record, behind.
    let answered = tokio::spawn(async move {
        let caller = Caller { peer: &peer, trace_id };
        issue_token(&state.app, authorization.as_deref(), &body, &caller).await
    });
    let issued = match answered.await {
        Ok(outcome) => outcome.map_err(RefusedResponse::recorded)?,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()), // nobody else ends the task
    };
    let answer = TokenResponse {
        access_token: issued.token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: issued.expires_in,
        scope: issued.scope,
    };
    Ok(([(header::PRAGMA, "no-cache")], Json(answer)))
}

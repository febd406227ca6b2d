//! The token endpoint (RFC 6749 §4.4): HTTP around one operation.

use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde::Serialize;

use super::{
    ServerState,
    errors::RefusedResponse,
    form::{FormRequest, in_a_task},
};
use crate::operations::issue_token::issue_token;

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
    request: FormRequest,
) -> Result<impl IntoResponse, RefusedResponse> {
    let issued = in_a_task(async move {
        issue_token(&state.app, request.authorization.as_deref(), &request.body, &request.caller()).await
    });
    let issued = issued.await?;
    let answer = TokenResponse {
        access_token: issued.token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: issued.expires_in,
        scope: issued.scope,
    };
    Ok(([(header::PRAGMA, "no-cache")], Json(answer)))
}

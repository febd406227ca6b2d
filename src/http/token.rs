//! The token endpoint (RFC 6749 §4.4): HTTP around one operation.

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Uri, header},
    response::IntoResponse,
};
use serde::Serialize;

use super::{
    MOST_BODY_BYTES, ServerState,
    body::{BodyFault, is_of_type, read_body, received_type},
    errors::RefusedResponse,
    forwarded::RefusedHeader,
    trace_id::TraceId,
};
use crate::{
    authentication::peer::PeerConnection,
    domain::{Reason, Refusal},
    operations::issue_token::{Caller, issue_token},
};

/// What a token request comes as.
const FORM: &str = "application/x-www-form-urlencoded";

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
    let body = form_body(&uri, &headers, body).await.map_err(RefusedResponse::new)?;
    let authorization = authorization(&headers).map_err(RefusedResponse::new)?.map(<[u8]>::to_vec);
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

async fn form_body(uri: &Uri, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    // R12: a secret in a URL is in every log on the way, so it is not enough to ignore it.
    let query = uri.query().unwrap_or_default();
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name.starts_with("client_")) {
        let sentence = "send client credentials in the body or the Authorization header, never in the URL; renew any \
                        secret that was sent so";
        return Err(Refusal::new(Reason::CredentialsInUrl, sentence));
    }
    if !is_of_type(headers, FORM) {
        let sentence = format!("Content-Type must be {FORM}, once; received {}", received_type(headers));
        return Err(Refusal::new(Reason::WrongContentType, sentence));
    }
    read_body(headers, body, MOST_BODY_BYTES).await.map_err(|fault| match fault {
        BodyFault::Encoded => {
            Refusal::new(Reason::ContentEncodingUnsupported, "send the body without Content-Encoding")
        }
        BodyFault::TooLarge => {
            Refusal::new(Reason::BodyTooLarge, format!("the body is longer than {MOST_BODY_BYTES} bytes"))
        }
        BodyFault::Incomplete(error) => {
            Refusal::new(Reason::FormMalformed, "the body is incomplete").with_detail(error)
        }
    })
}

fn authorization(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    match (all.next(), all.next()) {
        (_, Some(_)) => Err(Refusal::new(Reason::TwoMechanisms, "there is more than one Authorization header")),
        (one, None) => Ok(one.map(axum::http::HeaderValue::as_bytes)),
    }
}

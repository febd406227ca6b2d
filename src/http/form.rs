//! What the endpoints for consumers are sent: a form in the body, and perhaps an `Authorization` header (RFC 6749 §3.2).

use axum::{
    Extension, RequestPartsExt,
    body::{Body, Bytes},
    extract::{FromRequest, Request, rejection::ExtensionRejection},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

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
    operations::authenticate_consumer::Caller,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request that has come in whole, and in which nothing has been read yet.
pub(super) struct FormRequest {
    pub(super) authorization: Option<Vec<u8>>,
    pub(super) body: Bytes,
    peer: PeerConnection,
    trace_id: Uuid,
}

impl FormRequest {
    /// Who sent it.
    pub(super) const fn caller(&self) -> Caller<'_> {
        Caller { peer: &self.peer, trace_id: self.trace_id }
    }
}

impl FromRequest<ServerState> for FormRequest {
    type Rejection = Response;
    async fn from_request(request: Request, state: &ServerState) -> Result<Self, Response> {
        let refuse = |refusal| RefusedResponse::new(refusal).into_response();
        let (mut parts, body) = request.into_parts();
        if let Some(RefusedHeader(refusal)) = parts.extensions.remove() {
            return Err(refuse(refusal));
        }
        let Extension(peer) = parts.extract_with_state(state).await.map_err(ExtensionRejection::into_response)?;
        let Extension(TraceId(trace_id)) =
            parts.extract_with_state(state).await.map_err(ExtensionRejection::into_response)?;
        let body = form_body(&parts.uri, &parts.headers, body).await.map_err(refuse)?;
        let authorization = authorization(&parts.headers).map_err(refuse)?.map(<[u8]>::to_vec);
        Ok(Self { authorization, body, peer, trace_id })
    }
}

/// Does `work` in a task of its own: a caller that hangs up leaves its failure, and its line in record or log, behind.
pub(super) async fn in_a_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, RefusedResponse> {
    match tokio::spawn(work).await {
        Ok(outcome) => outcome.map_err(RefusedResponse::recorded),
        Err(failure) => std::panic::resume_unwind(failure.into_panic()), // nobody else ends the task
    }
}

async fn form_body(uri: &Uri, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    // R12: a secret in a URL is in every log on the way, so it is not enough to ignore it.
    let query = uri.query().unwrap_or_default();
    let is_secret = |name: &str| name.starts_with("client_") || name == "token";
    if url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_secret(&name)) {
        let sentence = "send client credentials in the body or the Authorization header, and tokens in the body, never in \
                        the URL; renew any secret that was sent so";
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

//! What the endpoints for consumers are sent: a form in the body, and perhaps an `Authorization` header (RFC 6749 §3.2).

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, Uri, header},
};

use super::{
    MOST_BODY_BYTES,
    body::{BodyFault, is_of_type, read_body, received_type},
};
use crate::domain::{Reason, Refusal};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request that has come in whole, and in which nothing has been read yet.
pub(super) struct Form {
    pub(super) authorization: Option<Vec<u8>>,
    pub(super) body: Bytes,
}

impl Form {
    pub(super) async fn read(uri: &Uri, headers: &HeaderMap, body: Body) -> Result<Self, Refusal> {
        let body = form_body(uri, headers, body).await?;
        Ok(Self { authorization: authorization(headers)?.map(<[u8]>::to_vec), body })
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

//! The body of a change: JSON of one reading, and said to be that.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderName, HeaderValue, Method},
};
use serde_json::Value;

use super::{
    super::body::{BodyFault, is_of_type, read_body, received_type},
    MOST_BODY_BYTES,
    problem::Problem,
};
use crate::domain::strict_json;

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// The value that was sent; [`Fields`](crate::domain::Fields) reads its members. A handler takes it as its last argument.
#[derive(Debug)]
pub struct JsonBody(pub Value);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;
    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let types = if parts.method == Method::PATCH { &[MERGE_PATCH, JSON][..] } else { &[JSON] };
        if !types.iter().any(|known| is_of_type(&parts.headers, known)) {
            let received = received_type(&parts.headers);
            let detail = format!("Content-Type must be {}, once; received {received}", types.join(" or "));
            let problem = Problem::unsupported_media_type(detail);
            let accepted = (HeaderName::from_static("accept-patch"), HeaderValue::from_static(MERGE_PATCH)); // RFC 5789 §2.2
            return Err(if types.len() > 1 { problem.with_header(accepted.0, accepted.1) } else { problem });
        }
        let body = read_body(&parts.headers, body, MOST_BODY_BYTES).await.map_err(|fault| match fault {
            BodyFault::Encoded => Problem::unsupported_media_type("send the body without Content-Encoding"),
            BodyFault::TooLarge => Problem::body_too_large(),
            BodyFault::Incomplete(cause) => Problem::malformed("the body is incomplete").because(cause),
        })?;
        let value = strict_json::parse(&body);
        Ok(Self(value.map_err(|error| Problem::malformed(format!("the body is not JSON as it must be: {error}")))?))
    }
}

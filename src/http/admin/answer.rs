//! What was asked for, with the tag of its state (RFC 9110 §8.8.3), and the tags that callers send back.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{super::documents::is_known, BASE, problem::Problem};
use crate::domain::{EntityTag, Precondition};

/// 200 with a representation and its tag; 304 to a caller that has it.
pub fn found(headers: &HeaderMap, representation: Value) -> Response {
    let tag = EntityTag::of(&representation);
    if is_known(headers, tag.as_str()) {
        return tagged(StatusCode::NOT_MODIFIED.into_response(), &tag);
    }
    tagged(Json(representation).into_response(), &tag)
}

/// 200 after a change; `body` may say more than the representation that `tag` is of.
pub fn changed(body: Value, tag: &EntityTag) -> Response {
    tagged(Json(body).into_response(), tag)
}

/// 201 with the path of what was made; `body` may say more than the representation that `tag` is of.
pub fn created(path: &str, body: Value, tag: &EntityTag) -> Response {
    let mut response = tagged((StatusCode::CREATED, Json(body)).into_response(), tag);
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// 202 with a proposal, which somebody else must confirm, and its path.
pub fn proposed(proposal: &Value) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(proposal)).into_response();
    let path = format!("{BASE}/proposals/{}", proposal["id"].as_str().unwrap_or_default());
    if let Ok(path) = HeaderValue::from_str(&path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

fn tagged(mut response: Response, tag: &EntityTag) -> Response {
    if let Ok(tag) = HeaderValue::from_str(tag.as_str()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// On which state a change was decided. A handler of an update takes it as an argument; without `If-Match` the answer is 428.
#[derive(Debug)]
pub struct IfMatch(pub Precondition);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let values = parts.headers.get_all(header::IF_MATCH).iter().map(HeaderValue::to_str);
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|_| malformed("expected ASCII"))?;
        let precondition = Precondition::parse(values).map_err(|error| malformed(&error.to_string()))?;
        precondition.map(Self).ok_or_else(Problem::precondition_required)
    }
}

/// The same for what may not be there yet: `If-None-Match: *` makes it.
#[derive(Debug)]
pub struct IfMatchOrNone(pub Precondition);

impl<S: Sync> FromRequestParts<S> for IfMatchOrNone {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let none: Vec<_> = parts.headers.get_all(header::IF_NONE_MATCH).iter().collect();
        match (none.as_slice(), parts.headers.contains_key(header::IF_MATCH)) {
            ([], true) => {
                IfMatch::from_request_parts(parts, state).await.map(|IfMatch(precondition)| Self(precondition))
            }
            ([], false) => Err(Problem::precondition_required()),
            ([value], false) if value.as_bytes() == b"*" => Ok(Self(Precondition::Absent)),
            _ => Err(Problem::malformed("expected If-Match with an entity tag, or If-None-Match: * alone")),
        }
    }
}

fn malformed(rule: &str) -> Problem {
    Problem::malformed(format!("If-Match: {rule}"))
}

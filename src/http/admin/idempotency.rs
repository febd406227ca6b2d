//! `Idempotency-Key`: what is sent twice with one key is done once.

use axum::{extract::FromRequestParts, http::request::Parts};

use super::problem::Problem;
use crate::domain::IdempotencyKey;

const HEADER: &str = "idempotency-key";

/// The caller's name for this change, if it has one. A handler takes it as an argument.
#[derive(Debug)]
pub struct Idempotency(pub Option<IdempotencyKey>);

impl<S: Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let (Some(value), further) = (values.next(), values.next()) else { return Ok(Self(None)) };
        let key = value.to_str().ok().filter(|_| further.is_none()).map(str::parse);
        match key {
            Some(Ok(key)) => Ok(Self(Some(key))),
            _ => Err(Problem::malformed("Idempotency-Key: expected 1 to 255 visible ASCII characters, once")),
        }
    }
}

//! `Idempotency-Key`: what is sent twice with one key is done once.

use axum::http::HeaderMap;

use super::problem::Problem;
use crate::domain::IdempotencyKey;

const HEADER: &str = "idempotency-key";

/// Reads the header, if it is there.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let (Some(value), further) = (values.next(), values.next()) else { return Ok(None) };
    let key = value.to_str().ok().filter(|_| further.is_none()).and_then(|text| text.parse().ok());
    let expected = "Idempotency-Key: expected 1 to 255 visible ASCII characters, once";
    key.map(Some).ok_or_else(|| Problem::malformed(expected))
}

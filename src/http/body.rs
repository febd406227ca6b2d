//! Bodies of requests: of one type, of bounded length, and as they are.

use std::error::Error;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Why a body cannot be had.
#[derive(Debug)]
pub(super) enum BodyFault {
    /// It is compressed, or otherwise not what it is.
    Encoded,
    /// It is longer than the limit.
    TooLarge,
    /// It broke off.
    Incomplete(Box<dyn Error + Send + Sync>),
}

/// Reads at most `limit` bytes (R54).
pub(super) async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, BodyFault> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if !codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(BodyFault::Encoded);
    }
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        Err(error) => Err(BodyFault::Incomplete(error)),
    }
}

/// One header of this type; a character set is allowed if it is UTF-8.
pub(super) fn is_of_type(headers: &HeaderMap, expected: &str) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = one.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(expected))
        && parts.all(|parameter| {
            parameter.split_once('=').is_none_or(|(name, value)| {
                !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

/// What `Content-Type` says, for people.
pub(super) fn received_type(headers: &HeaderMap) -> String {
    let received = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    received.unwrap_or("nothing".into()).chars().take(64).collect()
}

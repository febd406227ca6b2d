//! What a request's headers say, where there is only one way to read them.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header};

use crate::{Rejection, ssp::SspHeaders};

/// RFC 6750 §2.1; the scheme's case does not count (RFC 9110 §11.1). Tokens in the URL or body are not looked for.
pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&str, Rejection> {
    let Some(credentials) = only(headers, header::AUTHORIZATION.as_str(), "a single Authorization header")? else {
        return Err(Rejection::NoToken);
    };
    match credentials.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(Rejection::NoToken),
    }
}

pub(super) fn of_ssp(headers: &HeaderMap) -> Result<SspHeaders<'_>, Rejection> {
    Ok(SspHeaders {
        from: only(headers, "ssp-from", "a single Ssp-From header")?,
        to: only(headers, "ssp-to", "a single Ssp-To header")?,
        interaction: only(headers, "ssp-interactionid", "a single Ssp-InteractionID header")?,
        trace_id: only(headers, "ssp-traceid", "a single Ssp-TraceID header")?,
    })
}

/// Frameworks that honour one of these would do something else than what the request's method was judged for.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// What a guard judges, or believes.
const JUDGED: [&str; 8] = [
    "authorization",
    "client-cert",
    "client-cert-chain",
    "nhsd-end-user-organisation",
    "ssp-from",
    "ssp-interactionid",
    "ssp-to",
    "ssp-traceid",
];

/// Refuses what a back-end may read otherwise than it is judged here. Many take `Ssp_From` for `Ssp-From`, and some whatever
/// is no letter or digit for a hyphen.
pub(super) fn refuse_other_readings(headers: &HeaderMap) -> Result<(), Rejection> {
    for name in headers.keys().map(HeaderName::as_str) {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let read = if is_plain { Cow::Borrowed(name) } else { Cow::Owned(folded(name)) };
        if METHOD_OVERRIDES.contains(&read.as_ref()) {
            let expected = "the method in the request line";
            return Err(Rejection::BadRequest { expected, received: "another one in a header" });
        }
        if !is_plain && JUDGED.contains(&read.as_ref()) {
            let expected = "headers with hyphens in their names";
            return Err(Rejection::BadRequest { expected, received: "one in another spelling" });
        }
    }
    Ok(())
}

fn folded(name: &str) -> String {
    name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect()
}

/// The value of a header that may come once.
pub(super) fn only<'h>(
    headers: &'h HeaderMap,
    name: &str,
    expected: &'static str,
) -> Result<Option<&'h str>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let refuse = |received| Rejection::BadRequest { expected, received };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| refuse("one that is no ASCII text")),
        (Some(_), Some(_)) => Err(refuse("several")),
    }
}

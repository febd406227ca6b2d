//! What a request's headers say, where there is only one way to read them.

use http::{HeaderMap, header};

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
pub(super) fn refuse_method_overrides(headers: &HeaderMap) -> Result<(), Rejection> {
    let overrides = ["x-http-method-override", "x-http-method", "x-method-override"];
    if overrides.iter().any(|name| headers.contains_key(*name)) {
        return Err(Rejection::BadRequest {
            expected: "the method in the request line",
            received: "another one in a header",
        });
    }
    Ok(())
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

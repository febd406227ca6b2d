//! The extractor [`Verified`] for axum handlers, and refusals as HTTP answers.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, HeaderName, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{CertificateThumbprint, Presented, Rejection, TokenVerifier, VerifiedToken};

const SSP_FROM: HeaderName = HeaderName::from_static("ssp-from");

/// The caller's verified token. The handler's state must hold a [`TokenVerifier`].
///
/// A certificate that the caller proved to have is taken from the request's extensions, where the TLS layer puts its
/// [`CertificateThumbprint`]. An `Ssp-From` header, if there is one, must name the token's ASID.
#[derive(Debug, Clone)]
pub struct Verified(pub VerifiedToken);

impl<S> FromRequestParts<S> for Verified
where
    S: Send + Sync,
    TokenVerifier: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let mut presented = Presented::new(bearer_token(&parts.headers)?);
        if let Some(certificate) = parts.extensions.get::<CertificateThumbprint>() {
            presented = presented.with_certificate(*certificate);
        }
        if let Some(ssp_from) = only(&parts.headers, &SSP_FROM, "a single Ssp-From header")? {
            presented = presented.from_system(ssp_from);
        }
        TokenVerifier::from_ref(state).verify(presented).await.map(Self)
    }
}

/// RFC 6750 §2.1; the scheme's case does not count (RFC 9110 §11.1). Tokens in the URL or body are not looked for.
fn bearer_token(headers: &HeaderMap) -> Result<&str, Rejection> {
    let Some(credentials) = only(headers, &header::AUTHORIZATION, "a single Authorization header")? else {
        return Err(Rejection::NoToken);
    };
    match credentials.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(Rejection::NoToken),
    }
}

/// The value of a header that may come once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName, expected: &'static str) -> Result<Option<&'h str>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let refuse = |received| Rejection::BadRequest { expected, received };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| refuse("one that is no ASCII text")),
        (Some(_), Some(_)) => Err(refuse("several")),
    }
}

impl IntoResponse for Rejection {
    /// The status and challenge of RFC 6750 §3, with the reason as JSON; nothing that came goes back. The whole rejection
    /// becomes an event of `tracing`, for with the extractor nobody else gets to see it.
    fn into_response(self) -> Response {
        tracing::info!(reason = self.reason(), rejection = %self, "a request was refused");
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let error = match self.error() {
            Some(error) => error,
            None if status.is_server_error() => "temporarily_unavailable",
            None => "no_token",
        };
        let body = serde_json::json!({ "error": error, "reason": self.reason() }).to_string();
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")];
        let mut response = (status, headers, body).into_response();
        if !status.is_server_error()
            && let Ok(challenge) = self.www_authenticate().parse()
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

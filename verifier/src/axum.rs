//! For axum: the [`Requester`] as an extractor, and a handler's [`Rejection`] as an answer.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{FhirFormat, Rejection, Requester, ResponseProfile, unsigned::UnsignedToken};

/// The verified requester; the router must be behind a [`ProviderLayer`](crate::ProviderLayer). A request that its guard has let
/// through with an unsigned token is refused here: no such token makes a requester.
impl<S: Sync> FromRequestParts<S> for Requester {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if parts.extensions.get::<UnsignedToken>().is_some() {
            let unsigned = Rejection::UnsupportedAlgorithm { allowed: Vec::new(), received: Some("none".to_owned()) };
            return Err(unsigned.into_response());
        }
        parts.extensions.get().cloned().ok_or_else(|| NotGuarded.into_response())
    }
}

/// None for a request that is open to everybody, or that was let through with an unsigned token.
impl<S: Sync> OptionalFromRequestParts<S> for Requester {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get().cloned())
    }
}

/// A handler wants to know its requester, and no guard has judged the request: the route is not behind the layer, or the
/// guard's table says that it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a request that a ProviderGuard has admitted with a token: is the route behind its layer, and not `open`?"
)]
struct NotGuarded;

impl IntoResponse for NotGuarded {
    /// A fault of the program: 500, with the reason in the log alone.
    fn into_response(self) -> Response {
        tracing::error!(error = %self, "a handler was reached without a guard");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl IntoResponse for Rejection {
    /// Behind a [`ProviderLayer`](crate::ProviderLayer), an answer in the words of its response profile, which the log knows;
    /// elsewhere in RFC 6750's.
    fn into_response(self) -> Response {
        let mut response: Response = ResponseProfile::Rfc6750.answer(&self, FhirFormat::Json, "none").into_response();
        response.extensions_mut().insert(self);
        response
    }
}

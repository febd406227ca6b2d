//! The endpoints where a token is sent: to be revoked (RFC 7009), and to be told of (RFC 7662, RFC 9701).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    ServerState,
    documents::is_known,
    errors::RefusedResponse,
    form::{FormRequest, in_a_task},
};
use crate::{
    app::App,
    domain::{FailedCheck, Reason, Refusal},
    operations::{
        introspect_token::{SIGNED_TYPE, introspect_token},
        revoke_own_token::revoke_own_token,
    },
    revocation_list::SignedList,
};

/// 200 with nothing, whether there was anything to revoke or not.
pub(super) async fn revoke(
    State(state): State<ServerState>,
    request: FormRequest,
) -> Result<StatusCode, RefusedResponse> {
    let answer = in_a_task(async move {
        revoke_own_token(&state.app, request.authorization.as_deref(), &request.body, &request.caller()).await
    });
    answer.await.map(|()| StatusCode::OK)
}

/// JSON, or a JWT for a caller that asks for one.
pub(super) async fn introspect(
    State(state): State<ServerState>,
    headers: HeaderMap,
    request: FormRequest,
) -> Result<Response, RefusedResponse> {
    let app = state.app.clone();
    let answer = in_a_task(async move {
        introspect_token(&app, request.authorization.as_deref(), &request.body, &request.caller()).await
    });
    let answer = answer.await?;
    if !wants_signature(&headers) {
        return Ok(Json(answer.answer).into_response());
    }
    let signed = answer.signed(&state.app).await.map_err(RefusedResponse::new)?;
    let media_type = HeaderValue::from_str(&format!("application/{SIGNED_TYPE}"));
    let media_type = media_type.unwrap_or(HeaderValue::from_static("application/jwt"));
    Ok(([(header::CONTENT_TYPE, media_type)], signed).into_response())
}

/// Does `Accept` name the JWT, and not with `q=0` (RFC 9110 §12.4.2)?
fn wants_signature(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = accepted.flat_map(|value| value.split(','));
    ranges.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let subtype = parts
            .next()
            .and_then(|essence| essence.split_once('/'))
            .filter(|(kind, _)| kind.eq_ignore_ascii_case("application"));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        subtype.is_some_and(|(_, subtype)| subtype.eq_ignore_ascii_case(SIGNED_TYPE))
            && weight.is_none_or(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

/// `GET {issuer}/oauth2/revocations`: what verifiers ask for every few seconds. It names no patient and opens nothing, so
/// everybody may read it.
pub(super) async fn revocations(
    State(state): State<ServerState>,
    headers: HeaderMap,
) -> Result<Response, RefusedResponse> {
    let list = current(&state.app).await.map_err(RefusedResponse::new)?;
    let Ok(etag) = HeaderValue::from_str(&list.etag) else {
        return Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response());
    };
    let about = [(header::ETAG, etag), (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"))];
    if is_known(&headers, &list.etag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let media_type = HeaderValue::from_static("application/careconnect-revocations+jwt");
    Ok((about, [(header::CONTENT_TYPE, media_type)], list.jws.clone()).into_response())
}

/// Not from a register that was not seen for too long: its list would lack what matters.
async fn current(app: &App) -> Result<Arc<SignedList>, Refusal> {
    let now = app.clock.now();
    app.registry_is_fresh(now)?;
    let list = app.revocation_list.current(app.issuer.as_str(), &app.registry, &app.keys, app.max_staleness, now).await;
    list.map_err(|error| {
        let check = FailedCheck::new("signing_key_missing", "a key that signs", error.to_string());
        Refusal::new(Reason::SigningKeyMissing, "the list cannot be signed now").with_check(check)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_form_is_for_those_who_ask_for_it() {
        let accept = |value: &'static str| {
            wants_signature(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]))
        };
        let signed =
            ["application/token-introspection+jwt", "application/json;q=0.5, application/token-introspection+JWT"];
        assert!(signed.into_iter().all(accept));
        let plain =
            ["*/*", "application/*", "application/json", "", "application/token-introspection+jwt;q=0", "text/x"];
        assert!(!plain.into_iter().any(accept));
    }
}

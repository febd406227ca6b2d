//! What does not change while the server runs, written once and served as it is.

use axum::{
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{ServerState, errors::RefusedResponse, metadata::Metadata};
use crate::{
    app::App,
    domain::{Reason, Refusal},
    signing::KeySet,
};

/// The contract, as it stands in the repository.
const OPENAPI: &str = include_str!("../../openapi.yaml");
/// The error catalogue, with a section for each reason.
const ERRORS: &str = include_str!("../../docs/errors.md");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Documents that are made from the configuration and the keys.
pub(super) struct Documents {
    authorization_server: Bytes,
    openid_configuration: Bytes,
    smart_configuration: Bytes,
    caching: HeaderValue,
}

impl Documents {
    pub(super) fn new(app: &App) -> Self {
        let mut scopes: Vec<String> = app.registry.groups().iter().map(|known| known.scope.clone()).collect();
        scopes.sort();
        scopes.dedup();
        let metadata = Metadata::new(app.issuer.as_str(), app.key_ring.algorithms(), scopes);
        let bytes = |document: Value| Bytes::from(document.to_string());
        Self {
            authorization_server: bytes(metadata.authorization_server()),
            openid_configuration: bytes(metadata.openid_configuration()),
            smart_configuration: bytes(metadata.smart_configuration()),
            caching: HeaderValue::from_str(&KeySet::cache_control(app.jwks_max_age))
                .unwrap_or(HeaderValue::from_static("no-cache")),
        }
    }

    fn json(&self, document: &Bytes) -> Response {
        let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, self.caching.clone())];
        (headers, document.clone()).into_response()
    }
}

pub(super) async fn authorization_server(State(state): State<ServerState>) -> Response {
    state.documents.json(&state.documents.authorization_server)
}

pub(super) async fn openid_configuration(State(state): State<ServerState>) -> Response {
    state.documents.json(&state.documents.openid_configuration)
}

pub(super) async fn smart_configuration(State(state): State<ServerState>) -> Response {
    state.documents.json(&state.documents.smart_configuration)
}

/// The public keys (RFC 7517 §5); asked for again with its entity tag, only whether it is still the same.
pub(super) async fn jwks(State(state): State<ServerState>, headers: HeaderMap) -> Response {
    let key_set = state.app.key_ring.key_set();
    let Ok(etag) = HeaderValue::from_str(key_set.etag()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let about = [(header::ETAG, etag), (header::CACHE_CONTROL, state.documents.caching.clone())];
    if is_known(&headers, key_set.etag()) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, JSON)], key_set.json().to_owned()).into_response()
}

/// `If-None-Match` with this tag among others, weak or not, or with `*` (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let named = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    named
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"))], OPENAPI).into_response()
}

/// One reason's section of the error catalogue: where `error_uri` leads.
pub(super) async fn error_page(reason: Result<Path<String>, PathRejection>) -> Result<Response, RefusedResponse> {
    let reason = reason.ok().and_then(|Path(reason)| Reason::ALL.iter().find(|known| known.name() == reason));
    let section = reason.and_then(|reason| section(reason.name()));
    let text =
        section.ok_or_else(|| RefusedResponse::new(Refusal::new(Reason::NotFound, "there is no such reason")))?;
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

fn section(reason: &str) -> Option<&'static str> {
    let heading = format!("## {reason}\n");
    let start = ERRORS.find(&heading)?;
    let rest = &ERRORS[start..];
    let end = rest[heading.len()..].find("\n## ").map_or(rest.len(), |at| heading.len() + at + 1);
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_a_section_for_each_reason_and_for_nothing_else() {
        for reason in Reason::ALL {
            assert!(section(reason.name()).is_some_and(|text| text.len() > 80), "{}", reason.name());
        }
        let headings = ERRORS.lines().filter_map(|line| line.strip_prefix("## "));
        for heading in headings {
            assert!(Reason::ALL.iter().any(|reason| reason.name() == heading), "{heading}");
        }
    }
}

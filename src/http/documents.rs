//! Documents, written when what they tell has changed, and served as they are.

use std::{collections::BTreeSet, sync::Arc};

use arc_swap::ArcSwap;
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use careconnect_verifier::Algorithm;
use serde_json::Value;

use super::{ServerState, errors::RefusedResponse, metadata::Metadata};
use crate::{
    app::App,
    authentication::peer::PeerConnection,
    clock::UnixTime,
    domain::{GroupDefinition, ProblemKind, Reason, Refusal, catalogue},
    operations::note_key_set_fetch::note_key_set_fetch,
};

/// The contract, as it stands in the repository.
const OPENAPI: &str = include_str!("../../openapi.yaml");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// A page of the catalogue changes with the version of the server only.
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// Documents that are made from the configuration, the keys and the registered groups.
pub(super) struct Documents {
    discovery: ArcSwap<Discovery>,
}

/// The metadata documents while the register has these groups, and keys for these algorithms.
struct Discovery {
    groups: Arc<[GroupDefinition]>,
    algorithms: Vec<Algorithm>,
    authorization_server: Bytes,
    openid_configuration: Bytes,
    smart_configuration: Bytes,
}

impl Documents {
    pub(super) fn new(app: &App) -> Self {
        Self { discovery: ArcSwap::from_pointee(Discovery::new(app)) }
    }

    /// Written again when the register has other groups, or keys for other algorithms.
    fn discovery(&self, app: &App) -> Arc<Discovery> {
        let written = self.discovery.load_full();
        if Arc::ptr_eq(&written.groups, &app.registry.groups()) && written.algorithms == app.keys.algorithms() {
            return written;
        }
        let rewritten = Arc::new(Discovery::new(app));
        self.discovery.store(rewritten.clone());
        rewritten
    }
}

impl Discovery {
    fn new(app: &App) -> Self {
        let groups = app.registry.groups();
        let scopes: BTreeSet<String> = groups.iter().map(|known| known.scope.to_string()).collect();
        let algorithms = app.keys.algorithms();
        let metadata = Metadata::new(app.issuer.as_str(), algorithms.clone(), scopes.into_iter().collect());
        let bytes = |document: Value| Bytes::from(document.to_string());
        Self {
            authorization_server: bytes(metadata.authorization_server()),
            openid_configuration: bytes(metadata.openid_configuration()),
            smart_configuration: bytes(metadata.smart_configuration()),
            groups,
            algorithms,
        }
    }
}

pub(super) async fn authorization_server(State(state): State<ServerState>) -> Response {
    state.discovered(|discovery| &discovery.authorization_server)
}

pub(super) async fn openid_configuration(State(state): State<ServerState>) -> Response {
    state.discovered(|discovery| &discovery.openid_configuration)
}

pub(super) async fn smart_configuration(State(state): State<ServerState>) -> Response {
    state.discovered(|discovery| &discovery.smart_configuration)
}

impl ServerState {
    fn discovered(&self, document: fn(&Discovery) -> &Bytes) -> Response {
        let caching = format!("public, max-age={}", self.app.jwks_max_age);
        let headers = [(header::CONTENT_TYPE, JSON), (header::CACHE_CONTROL, header_value(&caching))];
        (headers, document(&self.documents.discovery(&self.app)).clone()).into_response()
    }
}

/// The public keys (RFC 7517 §5); asked for again with its entity tag, only whether it is still the same.
pub(super) async fn jwks(
    State(state): State<ServerState>,
    Extension(peer): Extension<PeerConnection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let key_set = state.app.keys.key_set();
    note_key_set_fetch(&state.app, &peer, uri.query(), key_set.kids());
    let about = [
        (header::ETAG, header_value(key_set.etag())),
        (header::LAST_MODIFIED, header_value(&http_date(key_set.changed_at()))),
        (header::CACHE_CONTROL, header_value(&key_set.cache_control(state.app.jwks_max_age, state.app.clock.now()))),
    ];
    if is_known(&headers, key_set.etag()) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(header::CONTENT_TYPE, JSON)], key_set.json().to_owned()).into_response()
}

/// A time as headers have it (RFC 9110 §5.6.7), such as `Fri, 15 Jan 2027 08:00:00 GMT`.
fn http_date(time: UnixTime) -> String {
    let time = jiff::Timestamp::from_second(time.0).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Text of our own, which has no control characters.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// `If-None-Match` with this tag among others, weak or not, or with `*` (RFC 9110 §13.1.2).
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
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
    let is_answered = |name: &String| {
        Reason::ALL.iter().any(|known| known.name() == name)
            || ProblemKind::ALL.iter().any(|known| known.name() == name)
    };
    let name = reason.ok().map(|Path(name)| name).filter(is_answered);
    let section = name.and_then(|name| catalogue::section(&name));
    let text =
        section.ok_or_else(|| RefusedResponse::new(Refusal::new(Reason::NotFound, "there is no such reason")))?;
    Ok(([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, AN_HOUR)], text).into_response())
}

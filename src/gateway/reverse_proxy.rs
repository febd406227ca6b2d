//! A small reverse proxy: what the guard admits goes on to the provider, with who is calling in headers of the gateway's own.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use careconnect_verifier::{Caller, CertificateThumbprint, PeerAddress, ProviderGuard};
use http_body_util::LengthLimitError;
use reqwest::{Certificate, Client, Url, redirect};
use serde_json::json;
use tokio::{sync::Semaphore, time::timeout};

use super::{assemble::read, identity};
use crate::{authentication::peer::PeerConnection, config::ReverseProxy};

/// Of one connection only (RFC 9110 §7.6.1), beside those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Certificates have been judged; a path that is not the request's has not been.
const NOT_FOR_BACKEND: [&str; 4] = ["client-cert", "client-cert-chain", "x-original-url", "x-rewrite-url"];

struct Proxy {
    guard: ProviderGuard,
    backend: Url,
    client: Client,
    max_body_bytes: usize,
    /// Each may hold a body in memory.
    in_flight: Semaphore,
    /// For the caller's body, and for the back-end.
    patience: Duration,
    forward_token: bool,
}

/// Everything on this listener is for the provider.
pub fn router(guard: ProviderGuard, config: &ReverseProxy) -> anyhow::Result<Router> {
    let backend = Url::parse(&config.backend).context("reverse_proxy.backend is no URL")?;
    anyhow::ensure!(
        matches!(backend.scheme(), "http" | "https") && backend.path() == "/" && backend.query().is_none(),
        "reverse_proxy.backend: expected http:// or https:// with a host and a port alone, received {:?}",
        config.backend
    );
    let patience = Duration::from_secs(config.backend_timeout_seconds);
    let mut client = Client::builder().redirect(redirect::Policy::none()).http1_only().no_proxy().timeout(patience);
    if let Some(file) = &config.backend_authority_file {
        client = client.tls_certs_only(Certificate::from_pem_bundle(&read(file)?)?);
    }
    let proxy = Proxy {
        guard,
        backend,
        client: client.build()?,
        max_body_bytes: config.max_body_bytes,
        in_flight: Semaphore::new(config.max_requests_in_flight),
        patience,
        forward_token: config.forward_token,
    };
    Ok(Router::new().fallback(pass).with_state(Arc::new(proxy)))
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let Ok(_in_flight) = proxy.in_flight.try_acquire() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "throttled", "too many requests are under way: try again");
    };
    let (mut parts, body) = request.into_parts();
    remove_hop_by_hop(&mut parts.headers); // before it is judged: what does not go on does not count
    if let Some(peer) = parts.extensions.get::<PeerConnection>().cloned() {
        parts.extensions.insert(PeerAddress(peer.address.ip()));
        if let Some(certificate) = peer.certificate {
            parts.extensions.insert(CertificateThumbprint::of_der(certificate.leaf()));
        }
    }
    let admitted = match proxy.guard.check(&parts).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused.into_response(),
    };
    let caller = admitted.caller.clone();
    admitted.enter(&mut parts);
    let mut url = proxy.backend.clone();
    url.set_path(parts.uri.path());
    url.set_query(parts.uri.query());
    let headers = proxy.headers_for_backend(parts.headers, &caller);
    let body = match timeout(proxy.patience, to_bytes(body, proxy.max_body_bytes)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_too_long(&error) => {
            let diagnostics = format!("expected a body of at most {} bytes, received more", proxy.max_body_bytes);
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "too-long", &diagnostics);
        }
        Ok(Err(_)) => return refuse(StatusCode::BAD_REQUEST, "incomplete", "the body broke off"),
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in time"),
    };
    match proxy.client.request(parts.method, url).headers(headers).body(body).send().await {
        Ok(response) => for_caller(response),
        Err(error) => unavailable(&error.without_url()), // queries are about patients
    }
}

impl Proxy {
    fn headers_for_backend(&self, mut headers: HeaderMap, caller: &Caller) -> HeaderMap {
        identity::strip(&mut headers);
        for name in NOT_FOR_BACKEND {
            headers.remove(name);
        }
        if !self.forward_token {
            headers.remove(header::AUTHORIZATION);
        }
        if let Caller::Verified(_) = caller {
            headers.extend(identity::headers_of(caller));
        }
        headers
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn for_caller(response: reqwest::Response) -> Response {
    if response.status().is_informational() {
        return refuse(
            StatusCode::BAD_GATEWAY,
            "transient",
            "the provider behind the gateway asks for another protocol",
        );
    }
    let (mut parts, body) = axum::http::Response::from(response).into_parts();
    parts.version = Version::HTTP_11;
    remove_hop_by_hop(&mut parts.headers);
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    Response::from_parts(parts, Body::new(body))
}

/// The caller learns that the provider does not answer, the log why.
fn unavailable(error: &reqwest::Error) -> Response {
    let causes = std::iter::successors(Some::<&dyn std::error::Error>(error), |error| error.source());
    let status = if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY };
    let causes = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::warn!(%causes, "the provider behind the gateway does not answer");
    refuse(status, "transient", "the provider behind the gateway does not answer")
}

fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>)
}

/// What has nothing to do with tokens, and so is the same in every response profile.
fn refuse(status: StatusCode, code: &str, diagnostics: &str) -> Response {
    let issue = json!([{ "severity": "error", "code": code, "diagnostics": diagnostics }]);
    let outcome = json!({ "resourceType": "OperationOutcome", "issue": issue });
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/fhir+json;charset=utf-8")];
    (status, headers, outcome.to_string()).into_response()
}

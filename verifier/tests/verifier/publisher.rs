//! A real server that publishes a key set, counts who asks, and can be away.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use careconnect_verifier::{RemoteKeys, RemoteKeysBuilder};
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use serde_json::json;
use tokio::net::TcpListener;

use crate::issuer::Issuer;

#[derive(Clone)]
pub(crate) struct Publisher {
    url: String,
    answer: Arc<Mutex<Answer>>,
    fetches: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Answer {
    Away,
    Redirect(String),
    Keys { cache_control: &'static str, jwks: String },
}

impl Publisher {
    /// A running server with the keys of `issuers`, and remote keys that follow it.
    pub(crate) async fn start(issuers: &[&Issuer]) -> (Self, RemoteKeysBuilder) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let publisher = Self { url, answer: Arc::new(Mutex::new(Answer::Away)), fetches: Arc::default() };
        publisher.publish(issuers);
        let routes = Router::new().route("/jwks.json", get(answer)).with_state(publisher.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let keys = RemoteKeys::from_url(&publisher.url).dangerously_allow_http();
        (publisher, keys)
    }

    pub(crate) fn publish(&self, issuers: &[&Issuer]) {
        self.publish_for("", issuers);
    }

    /// Publishes with a `Cache-Control`.
    pub(crate) fn publish_for(&self, cache_control: &'static str, issuers: &[&Issuer]) {
        let keys: Vec<_> = issuers.iter().map(|issuer| issuer.jwk()).collect();
        self.set(Answer::Keys { cache_control, jwks: json!({ "keys": keys }).to_string() });
    }

    pub(crate) fn publish_text(&self, jwks: String) {
        self.set(Answer::Keys { cache_control: "", jwks });
    }

    pub(crate) fn redirect_to(&self, other: &Self) {
        self.set(Answer::Redirect(other.url.clone()));
    }

    pub(crate) fn go_away(&self) {
        self.set(Answer::Away);
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }
}

async fn answer(State(publisher): State<Publisher>) -> Response {
    publisher.fetches.fetch_add(1, Ordering::SeqCst);
    let answer = publisher.answer.lock().unwrap().clone();
    match answer {
        Answer::Away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Answer::Redirect(url) => Redirect::temporary(&url).into_response(),
        Answer::Keys { cache_control, jwks } => ([(header::CACHE_CONTROL, cache_control)], jwks).into_response(),
    }
}

/// A client of the provider's own, which follows redirects wherever they lead.
pub(crate) fn following_client() -> Client {
    let config = ClientConfig::builder_with_provider(Arc::new(tls_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(config).build().unwrap()
}

#[cfg(feature = "aws-lc-rs")]
fn tls_provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(not(feature = "aws-lc-rs"))]
fn tls_provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

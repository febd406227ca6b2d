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
use tokio::{net::TcpListener, task::JoinHandle};

use crate::issuer::Issuer;

#[derive(Clone)]
pub(crate) struct Publisher {
    url: String,
    answer: Arc<Mutex<Answer>>,
    fetches: Arc<AtomicUsize>,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
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
        let (answers, fetches, server) = (Arc::new(Mutex::new(Answer::Away)), Arc::default(), Arc::default());
        let publisher = Self { url, answer: answers, fetches, server };
        publisher.publish(issuers);
        let routes = Router::new().route("/jwks.json", get(answer)).with_state(publisher.clone());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        *publisher.server.lock().unwrap() = Some(server);
        let keys = publisher.keys();
        (publisher, keys)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Keys that follow this server.
    pub(crate) fn keys(&self) -> RemoteKeysBuilder {
        RemoteKeys::from_url(&self.url).dangerously_allow_http()
    }

    /// Ends the server: nobody listens any more.
    pub(crate) async fn stop(&self) {
        let server = self.server.lock().unwrap().take().unwrap();
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
    }

    /// What is published now.
    pub(crate) fn jwks(&self) -> Option<String> {
        match &*self.answer.lock().unwrap() {
            Answer::Keys { jwks, .. } => Some(jwks.clone()),
            _ => None,
        }
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
        Answer::Keys { cache_control, jwks } => {
            ([(header::CACHE_CONTROL, cache_control), (header::CONNECTION, "close")], jwks).into_response()
        }
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

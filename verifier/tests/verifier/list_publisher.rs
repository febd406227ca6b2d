//! A real server that publishes a list of revocations under an entity tag, counts who asks, and can be away.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use careconnect_verifier::{RemoteRevocations, RemoteRevocationsBuilder};
use tokio::net::TcpListener;

#[derive(Clone, Default)]
pub(crate) struct ListPublisher {
    /// None when it is away.
    document: Arc<Mutex<Option<String>>>,
    version: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
    unchanged: Arc<AtomicUsize>,
}

impl ListPublisher {
    /// A running server with `document`, and revocations that follow it.
    pub(crate) async fn start(document: String) -> (Self, RemoteRevocationsBuilder) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/oauth2/revocations", listener.local_addr().unwrap());
        let publisher = Self::default();
        publisher.publish(document);
        let routes = Router::new().route("/oauth2/revocations", get(answer)).with_state(publisher.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (publisher, RemoteRevocations::from_url(url).dangerously_allow_http())
    }

    pub(crate) fn publish(&self, document: String) {
        self.version.fetch_add(1, Ordering::SeqCst);
        *self.document.lock().unwrap() = Some(document);
    }

    pub(crate) fn go_away(&self) {
        *self.document.lock().unwrap() = None;
    }

    /// How often the list was sent.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// How often it was known already.
    pub(crate) fn unchanged(&self) -> usize {
        self.unchanged.load(Ordering::SeqCst)
    }
}

async fn answer(State(publisher): State<ListPublisher>, headers: HeaderMap) -> Response {
    let Some(document) = publisher.document.lock().unwrap().clone() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let entity_tag = format!("\"{}\"", publisher.version.load(Ordering::SeqCst));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == entity_tag.as_str()) {
        publisher.unchanged.fetch_add(1, Ordering::SeqCst);
        return StatusCode::NOT_MODIFIED.into_response();
    }
    publisher.sent.fetch_add(1, Ordering::SeqCst);
    ([(header::ETAG, entity_tag)], document).into_response()
}

//! A plain HTTP server that sends whatever it is told to: where authorities publish their revocation lists.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
};
use tokio::net::TcpListener;

type Reply = (StatusCode, HeaderMap, Vec<u8>);

pub(crate) struct ListServer {
    address: SocketAddr,
    reply: Arc<Mutex<Reply>>,
    asked: Arc<AtomicU32>,
}

impl ListServer {
    pub(crate) async fn start(content: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let reply = Arc::new(Mutex::new((StatusCode::OK, HeaderMap::new(), content.into())));
        let asked = Arc::<AtomicU32>::default();
        let (current, counter) = (reply.clone(), asked.clone());
        let answer = async move || {
            counter.fetch_add(1, Ordering::SeqCst);
            current.lock().unwrap().clone()
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { address, reply, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/list.crl", self.address)
    }

    pub(crate) fn send(&self, content: impl Into<Vec<u8>>) {
        *self.reply.lock().unwrap() = (StatusCode::OK, HeaderMap::new(), content.into());
    }

    pub(crate) fn fail_with(&self, status: StatusCode, headers: HeaderMap) {
        *self.reply.lock().unwrap() = (status, headers, Vec::new());
    }

    /// Since the last call of this.
    pub(crate) fn times_asked(&self) -> u32 {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

//! A consumer's web server, with a key set or something else at each of its paths.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use careconnect_auth::{
    clock::ManualClock,
    domain::KeySetUri,
    server::{ClientAuthentication, Limits, ReloadableTls, serve},
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    authority::{Authority, NOW},
    listener::{files, write_identity},
};

/// Two public keys without their `kid`.
pub(crate) const KEY: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
pub(crate) const OTHER_KEY: &str = r#""kty":"OKP","crv":"Ed25519","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw""#;

/// `https://localhost:PORT`, until it is dropped.
pub(crate) struct KeyHost {
    pub(crate) port: u16,
    /// With its authority's certificate in `ca.pem`.
    pub(crate) directory: TempDir,
    paths: Paths,
    _stop: DropGuard,
}

/// By path: the answer, and how often it was given.
type Paths = Arc<Mutex<HashMap<String, ((StatusCode, String), usize)>>>;

impl KeyHost {
    pub(crate) async fn start() -> Self {
        careconnect_auth::crypto::install();
        let (authority, directory) = (Authority::new("Key Host CA"), tempfile::tempdir().unwrap());
        write_identity(directory.path(), &authority.server());
        for file in ["ca.pem", "clients.pem"] {
            std::fs::write(directory.path().join(file), authority.pem()).unwrap();
        }
        let authentication = ClientAuthentication::Optional { self_signed: Arc::new(|_| false) };
        let clock = Arc::new(ManualClock::at(NOW));
        let tls = Arc::new(
            ReloadableTls::load(files(directory.path()), authentication, Arc::new(|_, _| false), clock).unwrap(),
        );
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, stop) = (socket.local_addr().unwrap().port(), CancellationToken::new());
        let paths = Paths::default();
        let router = Router::new().fallback(answer).with_state(paths.clone());
        tokio::spawn(serve(socket, tls, router, Limits::default(), stop.clone()));
        Self { port, directory, paths, _stop: stop.drop_guard() }
    }

    pub(crate) fn uri(&self, path: &str) -> KeySetUri {
        format!("https://localhost:{}{path}", self.port).parse().unwrap()
    }

    /// Publishes these keys at `path`.
    pub(crate) fn publish(&self, path: &str, keys: &[String]) {
        self.answer(path, StatusCode::OK, format!(r#"{{"keys":[{}]}}"#, keys.join(",")));
    }

    /// Answers so at `path`; a redirection goes to the text.
    pub(crate) fn answer(&self, path: &str, status: StatusCode, text: String) {
        self.paths.lock().unwrap().entry(path.to_owned()).or_default().0 = (status, text);
    }

    /// How often `path` was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.paths.lock().unwrap().get(path).map_or(0, |(_, asked)| *asked)
    }
}

async fn answer(State(paths): State<Paths>, uri: Uri) -> Response {
    let mut paths = paths.lock().unwrap();
    let Some(((status, text), asked)) = paths.get_mut(uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    *asked += 1;
    if status.is_redirection() {
        return (*status, [(header::LOCATION, text.clone())]).into_response();
    }
    (*status, text.clone()).into_response()
}

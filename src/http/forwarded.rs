//! Who is there behind a proxy: for requests of configured proxies the client's address and certificate take the place of
//! the proxy's own; from anybody else a header with a certificate is ignored and counted (R28).

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};

use crate::{
    app::App,
    authentication::{forwarded::proxies::Proxies, peer::PeerConnection},
    domain::Refusal,
};

/// The certificate in the header was refused. Whoever asks for a certificate has to look for it; for all others there is none.
#[derive(Debug, Clone)]
pub(super) struct RefusedHeader(pub(super) Refusal);

/// What [`find_client`] needs.
#[derive(Clone)]
pub(super) struct Forwarding {
    app: Arc<App>,
    proxies: Arc<Proxies>,
    warned_of: Arc<Mutex<HashSet<IpAddr>>>,
}

/// As many addresses get a warning each; what more of them send is in the log at level debug.
const MOST_WARNINGS: usize = 100;

impl Forwarding {
    pub(super) fn new(app: Arc<App>, proxies: Arc<Proxies>) -> Self {
        Self { app, proxies, warned_of: Arc::default() }
    }

    /// The client behind `peer`, if that is a proxy, or `peer` itself.
    fn client_behind(&self, peer: &PeerConnection, headers: &HeaderMap) -> (PeerConnection, Option<RefusedHeader>) {
        let values = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        let (trust, now) = (self.app.authenticator.trust.load(), self.app.clock.now());
        let Some(proxy) = self.proxies.authenticate(peer, &values, &trust, now) else {
            self.note_ignored(peer.address.ip(), headers);
            return (peer.clone(), None);
        };
        let (address, certificate) = self.proxies.client_of(proxy, peer, &values);
        tracing::debug!(proxy = proxy.name(), at = %peer.address, %address, "request through a proxy");
        match certificate {
            Ok(certificate) => (PeerConnection { address, certificate }, None),
            Err(refusal) => (PeerConnection { address, certificate: None }, Some(RefusedHeader(refusal))),
        }
    }

    fn note_ignored(&self, address: IpAddr, headers: &HeaderMap) {
        for header in self.proxies.header_names().filter(|name| headers.contains_key(*name)) {
            metrics::counter!("careconnect_proxy_headers_ignored_total", "header" => header.to_owned()).increment(1);
            if self.is_first_of(address) {
                tracing::warn!(
                    event = "certificate_header_ignored",
                    %address,
                    header,
                    "ignored a header with a client certificate: it is not from a configured proxy that has proven \
                     itself by its certificate or its shared key; this address is not warned of again"
                );
            } else {
                tracing::debug!(event = "certificate_header_ignored", %address, header, "ignored a certificate header");
            }
        }
    }

    fn is_first_of(&self, address: IpAddr) -> bool {
        let mut warned_of = self.warned_of.lock().unwrap_or_else(PoisonError::into_inner);
        warned_of.len() < MOST_WARNINGS && warned_of.insert(address)
    }

    /// Nobody further in may see, or log, what has been read here.
    fn strip(&self, headers: &mut HeaderMap) {
        for name in self.proxies.header_names().chain(self.proxies.key_headers()) {
            headers.remove(name);
        }
    }
}

/// Tells everything further in who the client is.
pub(super) async fn find_client(State(forwarding): State<Forwarding>, mut request: Request, next: Next) -> Response {
    if let Some(peer) = request.extensions().get::<PeerConnection>() {
        let (client, refused) = forwarding.client_behind(peer, request.headers());
        let extensions = request.extensions_mut();
        extensions.insert(client);
        if let Some(refused) = refused {
            extensions.insert(refused);
        }
    }
    forwarding.strip(request.headers_mut());
    next.run(request).await
}

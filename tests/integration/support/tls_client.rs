//! A TLS client that says exactly what it is told to say.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use careconnect_auth::crypto::tls_provider;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    authority::{Authority, Identity},
    listener::Listener,
};

/// A client's set-up that trusts `root` and presents `identity`.
pub(crate) fn config(root: &Authority, identity: Option<&Identity>) -> ClientConfig {
    config_of(root, identity, &[&rustls::version::TLS13, &rustls::version::TLS12])
}

pub(crate) fn config_of(
    root: &Authority,
    identity: Option<&Identity>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root.der()).unwrap();
    let builder = ClientConfig::builder_with_provider(tls_provider()).with_protocol_versions(versions).unwrap();
    let builder = builder.with_root_certificates(roots);
    match identity {
        Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key_der()).unwrap(),
        None => builder.with_no_client_auth(),
    }
}

pub(crate) async fn connect(address: SocketAddr, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), tcp).await
}

/// Sends `request` and gives all that comes back until the server closes, at most five seconds.
pub(crate) async fn exchange(address: SocketAddr, config: ClientConfig, request: &[u8]) -> io::Result<String> {
    let mut stream = connect(address, config).await?;
    stream.write_all(request).await?;
    read_to_end(&mut stream).await
}

pub(crate) async fn read_to_end(stream: &mut TlsStream<TcpStream>) -> io::Result<String> {
    let mut answer = Vec::new();
    match timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await {
        Ok(Err(error)) if answer.is_empty() => Err(error),
        Ok(_) => Ok(String::from_utf8_lossy(&answer).into_owned()),
        Err(_elapsed) => panic!("the server has not closed; it sent {:?}", String::from_utf8_lossy(&answer)),
    }
}

impl Listener {
    /// What `GET path` answers to this client.
    pub(crate) async fn get(&self, path: &str, identity: Option<&Identity>) -> io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        exchange(self.address, config(&self.root, identity), request.as_bytes()).await
    }
}

//! The certificate that the caller proved to have, which a bound token must name (RFC 8705 §3).

use std::{net::IpAddr, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::request::Parts;
use ipnet::IpNet;

use super::headers::only;
use crate::{CertificateThumbprint, InvalidIdentifier, Rejection};

/// The address at the other end of the connection, in the request's extensions. A server that knows it puts it there; behind
/// axum its `ConnectInfo<SocketAddr>` does as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// A proxy that ends the callers' TLS and forwards their certificate in `Client-Cert` (RFC 9440). It must remove that header
/// from what callers send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedProxy {
    /// Whoever connects from one of these addresses.
    Network(IpNet),
    /// Whoever proves to have this certificate.
    Certificate(CertificateThumbprint),
}

impl FromStr for TrustedProxy {
    type Err = InvalidIdentifier;

    /// An address, a network such as `10.1.2.0/24`, or the SHA-256 of a certificate.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)));
        if let Ok(network) = network {
            return Ok(Self::Network(network));
        }
        let rule = "an address, a network such as 10.1.2.0/24, or the SHA-256 of a certificate";
        let thumbprint = CertificateThumbprint::parse(text);
        thumbprint.map(Self::Certificate).map_err(|_| InvalidIdentifier::new("a trusted proxy", rule, text))
    }
}

impl TrustedProxy {
    fn is(&self, peer: Option<CertificateThumbprint>, address: Option<IpAddr>) -> bool {
        match self {
            Self::Network(network) => address.is_some_and(|address| network.contains(&address.to_canonical())),
            Self::Certificate(thumbprint) => peer == Some(*thumbprint),
        }
    }
}

/// That of the TLS peer; behind a trusted proxy the one that it forwards, and never the proxy's own. The header of anybody
/// else says nothing.
pub(super) fn of_caller(request: &Parts, proxies: &[TrustedProxy]) -> Result<Option<CertificateThumbprint>, Rejection> {
    let peer = request.extensions.get::<CertificateThumbprint>().copied();
    if !proxies.iter().any(|proxy| proxy.is(peer, address(request))) {
        return Ok(peer);
    }
    let expected = "a single Client-Cert header with the certificate's DER as base64 between colons";
    let Some(field) = only(&request.headers, "client-cert", expected)? else { return Ok(None) };
    let der = byte_sequence(field).ok_or(Rejection::BadRequest { expected, received: "something else" })?;
    Ok(Some(CertificateThumbprint::of_der(&der)))
}

/// RFC 8941 §3.3.5.
fn byte_sequence(field: &str) -> Option<Vec<u8>> {
    let base64 = field.trim_matches(' ').strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(base64).ok().filter(|der| !der.is_empty())
}

fn address(request: &Parts) -> Option<IpAddr> {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(peer)) =
        request.extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>()
    {
        return Some(peer.ip());
    }
    request.extensions.get::<PeerAddress>().map(|PeerAddress(address)| *address)
}

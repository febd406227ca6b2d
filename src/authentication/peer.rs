//! What a connection has proved about the other side.

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwapOption;
use rustls_pki_types::CertificateDer;

use super::{
    certificate::{comparable_name, dns_names, name_text, parse_certificate},
    chain_refusal::ChainRefusal,
    client_trust::{ClientTrust, TrustedPath},
};
use crate::{
    clock::UnixTime,
    domain::{CertificateIdentity, CertificateThumbprint},
};

/// Who is at the other end of a connection; every request of the connection carries it as an extension.
#[derive(Debug, Clone)]
pub struct PeerConnection {
    /// From where it came.
    pub address: SocketAddr,
    /// The certificate whose key it holds, if it presented one.
    pub certificate: Option<Arc<PeerCertificate>>,
}

/// A client's certificate, read once after the handshake that proved possession of its key.
///
/// Only the end-entity certificate names the client; whatever else the chain holds serves to find the path.
pub struct PeerCertificate {
    chain: Vec<CertificateDer<'static>>,
    thumbprint: CertificateThumbprint,
    identities: Vec<CertificateIdentity>,
    subject: String,
    serial: String,
    not_before: UnixTime,
    not_after: UnixTime,
    is_self_issued: bool,
    /// The last path found, and the generation of the trust by which it was found.
    trusted: ArcSwapOption<(u64, TrustedPath)>,
}

impl PeerCertificate {
    /// Reads the first certificate of `chain`.
    pub fn parse(chain: Vec<CertificateDer<'static>>) -> Result<Self, ChainRefusal> {
        let no_certificate = || ChainRefusal::Malformed("no certificate was presented".to_owned());
        let leaf = chain.first().ok_or_else(no_certificate)?;
        let certificate = parse_certificate(leaf)?;
        let thumbprint = CertificateThumbprint::of_der(leaf);
        let is_self_issued = certificate.subject().as_raw() == certificate.issuer().as_raw();
        let mut identities = dns_names(&certificate)?;
        identities.extend(comparable_name(certificate.subject()).map(CertificateIdentity::SubjectDn));
        if is_self_issued {
            identities.clear(); // nobody vouches for its names
        }
        identities.push(CertificateIdentity::Thumbprint(thumbprint));
        Ok(Self {
            thumbprint,
            identities,
            subject: name_text(certificate.subject()),
            serial: certificate.raw_serial_as_string(),
            not_before: UnixTime(certificate.validity().not_before.timestamp()),
            not_after: UnixTime(certificate.validity().not_after.timestamp()),
            is_self_issued,
            trusted: ArcSwapOption::empty(),
            chain,
        })
    }

    /// SHA-256 of the certificate.
    pub const fn thumbprint(&self) -> CertificateThumbprint {
        self.thumbprint
    }

    /// Everything by which it can be registered: DNS names, subject, thumbprint; of a self-issued one the last alone.
    pub fn identities(&self) -> &[CertificateIdentity] {
        &self.identities
    }

    /// The subject (RFC 4514), as text that cannot forge a log line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The serial number as hexadecimal octets with colons.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The first second at which it is valid.
    pub const fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second at which it is valid.
    pub const fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Is it its own issuer? Then no authority vouches for it.
    pub const fn is_self_issued(&self) -> bool {
        self.is_self_issued
    }

    /// What the client presented, its own certificate first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Is it within its own dates?
    pub fn check_dates(&self, now: UnixTime) -> Result<(), ChainRefusal> {
        if now < self.not_before {
            return Err(ChainRefusal::NotYetValid { not_before: self.not_before, now });
        }
        if now > self.not_after {
            return Err(ChainRefusal::Expired { not_after: self.not_after, now });
        }
        Ok(())
    }

    /// Is it known that `trust` trusts it at `now`, without looking for a path?
    pub fn is_judged(&self, trust: &ClientTrust, now: UnixTime) -> bool {
        self.known_path(trust, now).is_some()
    }

    fn known_path(&self, trust: &ClientTrust, now: UnixTime) -> Option<TrustedPath> {
        let (generation, path) = self.trusted.load().as_deref().copied()?;
        (generation == trust.generation() && (path.valid_from..=path.valid_until).contains(&now)).then_some(path)
    }

    /// Does `trust` trust it at `now`? Judged again only when the trust has changed or a date has passed.
    pub fn verdict(&self, trust: &ClientTrust, now: UnixTime) -> Result<TrustedPath, ChainRefusal> {
        if let Some(path) = self.known_path(trust, now) {
            return Ok(path);
        }
        let path = trust.judge(&self.chain, now)?;
        self.trusted.store(Some(Arc::new((trust.generation(), path))));
        Ok(path)
    }
}

impl std::fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerCertificate({}, {})", self.subject, self.thumbprint)
    }
}

//! What a connection has proved about the other side.

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwapOption;
use rustls_pki_types::CertificateDer;

use super::{
    certificate::{alternative_names, comparable_name, hosts, name_text, parse_certificate},
    chain_refusal::ChainRefusal,
    client_trust::{ClientTrust, TrustedPath},
};
use crate::{
    clock::UnixTime,
    domain::{CertificateIdentity, CertificateThumbprint, KeyThumbprint, SerialNumber},
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
    hosts: Vec<Box<str>>,
    subject: String,
    issuer: String,
    serial: String,
    serial_number: SerialNumber,
    not_before: UnixTime,
    not_after: UnixTime,
    is_self_issued: bool,
    /// The last path found, and the generation of the trust by which it was found.
    trusted: ArcSwapOption<(u64, Arc<TrustedPath>)>,
}

impl PeerCertificate {
    /// Reads the first certificate of `chain`.
    pub fn parse(chain: Vec<CertificateDer<'static>>) -> Result<Self, ChainRefusal> {
        let no_certificate = || ChainRefusal::Malformed("no certificate was presented".to_owned());
        let leaf = chain.first().ok_or_else(no_certificate)?;
        let certificate = parse_certificate(leaf)?;
        let thumbprint = CertificateThumbprint::of_der(leaf);
        let is_self_issued = certificate.subject().as_raw() == certificate.issuer().as_raw();
        let mut identities = alternative_names(&certificate)?;
        identities.extend(comparable_name(certificate.subject()).map(CertificateIdentity::SubjectDn));
        if is_self_issued {
            identities.clear(); // nobody vouches for its names
        }
        identities.push(CertificateIdentity::Thumbprint(thumbprint));
        identities.push(CertificateIdentity::PublicKey(KeyThumbprint::of_spki(certificate.public_key().raw)));
        let serial = certificate.raw_serial_as_string();
        let unusable = |error| ChainRefusal::Malformed(format!("its serial number: {error}"));
        Ok(Self {
            thumbprint,
            identities,
            hosts: hosts(&certificate),
            subject: name_text(certificate.subject()),
            issuer: name_text(certificate.issuer()),
            serial_number: serial.parse().map_err(unusable)?,
            serial,
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

    /// Everything by which it can be registered: DNS names, URIs, subject, thumbprint, key; of a self-issued one the last
    /// two alone.
    pub fn identities(&self) -> &[CertificateIdentity] {
        &self.identities
    }

    /// The hosts that it claims to be: DNS names and common names. They prove nothing, and can only cost it something.
    pub fn hosts(&self) -> impl Iterator<Item = &str> + Clone {
        self.hosts.iter().map(AsRef::as_ref)
    }

    /// The subject (RFC 4514), as text that cannot forge a log line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer's name (RFC 4514), as text that cannot forge a log line; [`BlockedCertificate`] has the same.
    ///
    /// [`BlockedCertificate`]: crate::domain::BlockedCertificate
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The serial number, to compare.
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
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

    /// The certificate itself, DER.
    pub fn leaf(&self) -> &[u8] {
        self.chain.first().map_or(&[], |leaf| leaf)
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

    /// Does `trust` trust it at `now`? Judged again only when the trust has changed or a date has passed, but for what an
    /// administrator has blocked, which counts at once.
    pub fn verdict(&self, trust: &ClientTrust, now: UnixTime) -> Result<Arc<TrustedPath>, ChainRefusal> {
        let path = match self.known_path(trust, now) {
            Some(path) => path,
            None => self.judge(trust, now)?,
        };
        trust.check_blocked(&self.issuer, &self.serial_number)?;
        Ok(path)
    }

    /// May it be used at `now` though no authority vouches for it? For one that is registered by itself.
    pub fn check_alone(&self, trust: &ClientTrust, now: UnixTime) -> Result<(), ChainRefusal> {
        self.check_dates(now)?;
        trust.check_blocked(&self.issuer, &self.serial_number)
    }

    fn known_path(&self, trust: &ClientTrust, now: UnixTime) -> Option<Arc<TrustedPath>> {
        let known = self.trusted.load();
        let (generation, path) = known.as_deref()?;
        let stands = *generation == trust.generation() && (path.valid_from..=path.valid_until).contains(&now);
        stands.then(|| path.clone())
    }

    fn judge(&self, trust: &ClientTrust, now: UnixTime) -> Result<Arc<TrustedPath>, ChainRefusal> {
        let path = Arc::new(trust.judge(&self.chain, now)?);
        self.trusted.store(Some(Arc::new((trust.generation(), path.clone()))));
        Ok(path)
    }
}

impl std::fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerCertificate({}, {})", self.subject, self.thumbprint)
    }
}

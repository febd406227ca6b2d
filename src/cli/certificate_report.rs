//! What a certificate says, for people and for scripts.

use std::fmt;

use rustls_pki_types::CertificateDer;
use serde::Serialize;
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
    public_key::PublicKey,
};

use crate::{
    authentication::{
        certificate::name_text, chain_refusal::ChainRefusal, client_trust::ClientTrust, peer::PeerCertificate,
    },
    clock::UnixTime,
    crypto,
};

/// A certificate's facts.
#[derive(Debug, Serialize)]
pub(crate) struct CertificateReport {
    subject: String,
    issuer: String,
    self_issued: bool,
    subject_alternative_names: Vec<String>,
    not_before: String,
    not_after: String,
    serial: String,
    thumbprint: String,
    thumbprint_hex: String,
    key: String,
    usage: Vec<String>,
    /// Why the listener would refuse it whoever issued it; then there is nothing to register.
    refused: Option<String>,
    /// Why it would refuse it now.
    out_of_date: Option<String>,
    registrations: Vec<Registration>,
}

/// A way to register the certificate for a consumer.
#[derive(Debug, Serialize)]
struct Registration {
    method: &'static str,
    kind: &'static str,
    value: String,
}

impl CertificateReport {
    pub(crate) fn of(der: CertificateDer<'static>, now: UnixTime) -> Result<Self, ChainRefusal> {
        let peer = PeerCertificate::parse(vec![der.clone()])?;
        let malformed = |error: &dyn fmt::Display| ChainRefusal::Malformed(error.to_string());
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| malformed(&error))?;
        let names = certificate.subject_alternative_name().map_err(|error| malformed(&error))?;
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let refusal = fitness(&peer).err();
        Ok(Self {
            subject: peer.subject().to_owned(),
            issuer: name_text(certificate.issuer()),
            self_issued: peer.is_self_issued(),
            subject_alternative_names: names.map(alternative_name).collect(),
            not_before: peer.not_before().to_string(),
            not_after: peer.not_after().to_string(),
            serial: peer.serial().to_owned(),
            thumbprint: peer.thumbprint().to_string(),
            thumbprint_hex: crypto::sha256(&der).iter().map(|byte| format!("{byte:02x}")).collect(),
            key: key(&certificate),
            usage: usage(&certificate),
            out_of_date: peer.check_dates(now).err().map(|refusal| refusal.to_string()),
            registrations: peer
                .identities()
                .iter()
                .filter(|_| refusal.is_none())
                .map(|one| Registration { method: one.method(), kind: one.kind(), value: one.value() })
                .collect(),
            refused: refusal.map(|refusal| refusal.to_string()),
        })
    }
}

/// Would the listener accept `certificate` from some authority, on some day? The listener's own rule answers: where it
/// trusts nobody, and the day is one of the certificate's, only the authority is missing.
pub(super) fn fitness(certificate: &PeerCertificate) -> Result<(), ChainRefusal> {
    if certificate.is_self_issued() {
        return Ok(()); // it counts by its thumbprint alone
    }
    let nobody = ClientTrust::from_pem(&[], &[]).map_err(|error| ChainRefusal::Malformed(error.to_string()))?;
    match nobody.judge(certificate.chain(), certificate.not_before()) {
        Ok(_) | Err(ChainRefusal::UnknownIssuer { .. }) => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

impl fmt::Display for CertificateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |entries: &[String]| if entries.is_empty() { "none".to_owned() } else { entries.join(", ") };
        writeln!(f, "subject      {}", self.subject)?;
        writeln!(f, "issuer       {}{}", self.issuer, if self.self_issued { " (itself)" } else { "" })?;
        writeln!(f, "names        {}", list(&self.subject_alternative_names))?;
        writeln!(f, "valid        {} to {}", self.not_before, self.not_after)?;
        writeln!(f, "serial       {}", self.serial)?;
        writeln!(f, "thumbprint   {} (SHA-256, base64url)", self.thumbprint)?;
        writeln!(f, "             {} (hexadecimal)", self.thumbprint_hex)?;
        writeln!(f, "key          {}", self.key)?;
        writeln!(f, "usage        {}", list(&self.usage))?;
        if let Some(why) = &self.out_of_date {
            writeln!(f, "refused now  {why}")?;
        }
        if let Some(why) = &self.refused {
            return writeln!(f, "cannot be registered, for the listener refuses it: {why}");
        }
        writeln!(f, "can be registered as")?;
        for registration in &self.registrations {
            writeln!(f, "  {:<28} {:<11} {}", registration.method, registration.kind, registration.value)?;
        }
        Ok(())
    }
}

fn alternative_name(name: &GeneralName<'_>) -> String {
    let text = match name {
        GeneralName::DNSName(name) => format!("DNS:{name}"),
        GeneralName::URI(uri) => format!("URI:{uri}"),
        GeneralName::RFC822Name(address) => format!("email:{address}"),
        other => other.to_string(),
    };
    text.escape_debug().to_string()
}

fn key(certificate: &X509Certificate<'_>) -> String {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA, {} bits", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("ECDSA, P-{}", if point.key_size() > 512 { 521 } else { point.key_size() }),
        _ => "Ed25519".to_owned(), // PeerCertificate::parse lets no other kind through
    }
}

fn usage(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(usage)) = certificate.extended_key_usage() else {
        return vec!["any (no extended key usage)".to_owned()];
    };
    let known =
        [(usage.value.client_auth, "clientAuth"), (usage.value.server_auth, "serverAuth"), (usage.value.any, "any")];
    let known = known.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned());
    known.chain(usage.value.other.iter().map(|oid| oid.to_id_string())).collect()
}

//! Reading X.509 certificates: what counts as one, what its names are, and which keys are strong enough.

use rustls_pki_types::CertificateDer;
use x509_parser::{
    prelude::{FromDer, GeneralName, X509Certificate},
    public_key::PublicKey,
    x509::{SubjectPublicKeyInfo, X509Name},
};

use super::chain_refusal::ChainRefusal;
use crate::domain::{CertificateIdentity, DistinguishedName};

const MIN_RSA_BITS: usize = 2048;
/// P-256, P-384, P-521 (RFC 5480 §2.1.1.1) and Ed25519 (RFC 8410 §3).
const CURVES: [&str; 3] = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];
const ED25519: &str = "1.3.101.112";

/// A name in a certificate (RFC 4514), as text that cannot forge a log line.
pub fn name_text(name: &X509Name<'_>) -> String {
    let escaped = || name.to_string().escape_debug().to_string();
    comparable_name(name).map_or_else(escaped, |name| name.to_string())
}

/// A key usage extension, where there is one, must allow signing certificates (RFC 5280 §6.1.4 (n)).
pub(super) fn may_sign_certificates(certificate: &X509Certificate<'_>) -> bool {
    certificate.is_ca()
        && certificate.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

/// Reads a client's certificate whole, and refuses keys that can be broken.
pub(super) fn parse_certificate<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, ChainRefusal> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|error| ChainRefusal::Malformed(error.to_string()))?;
    if !rest.is_empty() {
        return Err(ChainRefusal::Malformed("bytes follow the certificate".to_owned()));
    }
    check_key(certificate.public_key())?;
    Ok(certificate)
}

fn check_key(key: &SubjectPublicKeyInfo<'_>) -> Result<(), ChainRefusal> {
    let algorithm = key.algorithm.algorithm.to_id_string();
    let received = match key.parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() >= MIN_RSA_BITS => return Ok(()),
        Ok(PublicKey::RSA(key)) => format!("RSA of {} bits", key.key_size()),
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            let curve = curve.map_or_else(|| "an unnamed curve".to_owned(), |curve| curve.to_id_string());
            if CURVES.contains(&curve.as_str()) {
                return Ok(());
            }
            format!("ECDSA on {curve}")
        }
        Ok(_) if algorithm == ED25519 => return Ok(()),
        Ok(_) | Err(_) => format!("a key of algorithm {algorithm}"),
    };
    Err(ChainRefusal::WeakKey { received })
}

/// The alternative names that name one system each: DNS names and URIs, none with a wildcard.
pub(super) fn alternative_names(certificate: &X509Certificate<'_>) -> Result<Vec<CertificateIdentity>, ChainRefusal> {
    let names = certificate.subject_alternative_name().map_err(|error| ChainRefusal::Malformed(error.to_string()))?;
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(text) => text.parse().ok().map(CertificateIdentity::SanDns),
        GeneralName::URI(text) => text.parse().ok().map(CertificateIdentity::SanUri),
        _ => None,
    });
    Ok(names.collect())
}

/// A name that can be compared; none when a value is empty, not text, or has control characters such as NUL.
pub(super) fn comparable_name(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let levels = name.iter_rdn().map(|level| {
        let attributes = level.iter().map(|attribute| {
            let value =
                attribute.as_str().ok().filter(|value| !value.is_empty() && !value.chars().any(char::is_control))?;
            Some((attribute.attr_type().to_id_string(), value.to_owned()))
        });
        attributes.collect::<Option<Vec<_>>>()
    });
    let levels = levels.collect::<Option<Vec<_>>>()?;
    (!levels.is_empty()).then(|| DistinguishedName::from_relative_names(levels))
}

//! By what a registered client certificate is recognised (RFC 8705 §2.1.2, §2.2).

use std::{fmt, str::FromStr};

use careconnect_verifier::InvalidIdentifier;

pub use super::distinguished_name::DistinguishedName;
pub use careconnect_verifier::CertificateThumbprint;

/// The one feature of a certificate that names the consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CertificateIdentity {
    /// `tls_client_auth` by a DNS name of the subject alternative names.
    SanDns(DnsName),
    /// `tls_client_auth` by a URI of the subject alternative names.
    SanUri(UriName),
    /// `tls_client_auth` by the subject.
    SubjectDn(DistinguishedName),
    /// `self_signed_tls_client_auth` by the certificate itself.
    Thumbprint(CertificateThumbprint),
    /// `self_signed_tls_client_auth` by the key, which several certificates may share.
    PublicKey(KeyThumbprint),
}

impl CertificateIdentity {
    /// The name of its kind in the register.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SanDns(_) => "san_dns",
            Self::SanUri(_) => "san_uri",
            Self::SubjectDn(_) => "subject_dn",
            Self::Thumbprint(_) => "thumbprint",
            Self::PublicKey(_) => "public_key",
        }
    }

    /// Its value as text.
    pub fn value(&self) -> String {
        match self {
            Self::SanDns(name) => name.to_string(),
            Self::SanUri(name) => name.to_string(),
            Self::SubjectDn(name) => name.to_string(),
            Self::Thumbprint(thumbprint) => thumbprint.to_string(),
            Self::PublicKey(thumbprint) => thumbprint.to_string(),
        }
    }

    /// Reads what [`Self::kind`] and [`Self::value`] wrote.
    pub fn parse(kind: &str, value: &str) -> Result<Self, InvalidCertificateIdentity> {
        match kind {
            "san_dns" => value.parse().map(Self::SanDns),
            "san_uri" => value.parse().map(Self::SanUri),
            "subject_dn" => value.parse().map(Self::SubjectDn),
            "public_key" => value.parse().map(Self::PublicKey),
            "thumbprint" => value.parse().map(Self::Thumbprint).map_err(|invalid: InvalidIdentifier| {
                InvalidCertificateIdentity::new("certificate thumbprint", value, invalid.rule)
            }),
            _ => Err(InvalidCertificateIdentity::new("certificate identity", value, "the kind is unknown")),
        }
    }

    /// The client authentication method that it belongs to (RFC 8705 §2).
    pub const fn method(&self) -> &'static str {
        match self {
            Self::SanDns(_) | Self::SanUri(_) | Self::SubjectDn(_) => "tls_client_auth",
            Self::Thumbprint(_) | Self::PublicKey(_) => "self_signed_tls_client_auth",
        }
    }
}

/// Why a text names no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{received:?} is not a {kind}: {rule}")]
pub struct InvalidCertificateIdentity {
    /// What it was taken for.
    pub kind: &'static str,
    /// What came, cut to 200 characters.
    pub received: String,
    /// What is wrong with it.
    pub rule: &'static str,
}

impl InvalidCertificateIdentity {
    pub(super) fn new(kind: &'static str, received: &str, rule: &'static str) -> Self {
        Self { kind, received: received.chars().take(200).collect(), rule }
    }
}

/// A fully qualified host name in lower case; no wildcard and no IP address, for those name more or other than one host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsName(Box<str>);

impl FromStr for DnsName {
    type Err = InvalidCertificateIdentity;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |rule| Err(InvalidCertificateIdentity::new("DNS name", text, rule));
        let lower = text.to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if lower.contains('*') {
            return refuse("a wildcard names more than one host");
        }
        if lower.len() > 253 || !lower.split('.').all(label) {
            return refuse("expected labels of letters, digits and hyphens, separated by dots");
        }
        if lower.split('.').next_back().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
            return refuse("an IP address is no name");
        }
        Ok(Self(lower.into()))
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An absolute URI of the subject alternative names, such as a SPIFFE id; compared octet by octet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UriName(Box<str>);

impl FromStr for UriName {
    type Err = InvalidCertificateIdentity;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |rule| Err(InvalidCertificateIdentity::new("URI", text, rule));
        if text.contains('*') {
            return refuse("a wildcard names more than one system");
        }
        let is_absolute = text.split_once(':').is_some_and(|(scheme, rest)| {
            scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
                && !rest.is_empty()
        });
        if text.len() > 2048 || !is_absolute || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("expected an absolute URI of at most 2048 printable ASCII characters");
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for UriName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a public key as a certificate holds it (SubjectPublicKeyInfo in DER): what stays when a certificate is
/// renewed without a new key, and what tells authorities of the same name apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyThumbprint(CertificateThumbprint);

impl KeyThumbprint {
    /// Of a SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    pub fn of_spki(der: &[u8]) -> Self {
        Self(CertificateThumbprint::of_der(der))
    }
}

impl FromStr for KeyThumbprint {
    type Err = InvalidCertificateIdentity;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |invalid: InvalidIdentifier| InvalidCertificateIdentity::new("key thumbprint", text, invalid.rule);
        text.parse().map(Self).map_err(refuse)
    }
}

impl fmt::Display for KeyThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_name_is_compared_in_lower_case() {
        assert_eq!("BaRS-A1001.Trust.nhs.uk".parse::<DnsName>().unwrap().to_string(), "bars-a1001.trust.nhs.uk");
    }

    #[test]
    fn wildcards_and_addresses_are_no_names() {
        for text in
            ["", "*.nhs.uk", "a.*", "10.0.0.1", "a..nhs.uk", "-a.nhs.uk", "a b.nhs.uk", "a.nhs.uk\0", "a.nhs.uk."]
        {
            assert!(text.parse::<DnsName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_uri_is_absolute_and_names_one_system() {
        assert!("spiffe://trust.nhs.uk/booking".parse::<UriName>().is_ok());
        for text in ["", "booking", "://x", "urn:", "spiffe://*/booking", "urn:a b", "urn:é", "urn:a\0"] {
            assert!(text.parse::<UriName>().is_err(), "{text:?}");
        }
    }
}

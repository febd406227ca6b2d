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
    /// `tls_client_auth` by the subject.
    SubjectDn(DistinguishedName),
    /// `self_signed_tls_client_auth` by the certificate itself.
    Thumbprint(CertificateThumbprint),
}

impl CertificateIdentity {
    /// The name of its kind in the register.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SanDns(_) => "san_dns",
            Self::SubjectDn(_) => "subject_dn",
            Self::Thumbprint(_) => "thumbprint",
        }
    }

    /// Its value as text.
    pub fn value(&self) -> String {
        match self {
            Self::SanDns(name) => name.to_string(),
            Self::SubjectDn(name) => name.to_string(),
            Self::Thumbprint(thumbprint) => thumbprint.to_string(),
        }
    }

    /// Reads what [`Self::kind`] and [`Self::value`] wrote.
    pub fn parse(kind: &str, value: &str) -> Result<Self, InvalidCertificateIdentity> {
        match kind {
            "san_dns" => value.parse().map(Self::SanDns),
            "subject_dn" => value.parse().map(Self::SubjectDn),
            "thumbprint" => value.parse().map(Self::Thumbprint).map_err(|invalid: InvalidIdentifier| {
                InvalidCertificateIdentity::new("certificate thumbprint", value, invalid.rule)
            }),
            _ => Err(InvalidCertificateIdentity::new("certificate identity", value, "the kind is unknown")),
        }
    }

    /// The client authentication method that it belongs to (RFC 8705 §2).
    pub const fn method(&self) -> &'static str {
        match self {
            Self::SanDns(_) | Self::SubjectDn(_) => "tls_client_auth",
            Self::Thumbprint(_) => "self_signed_tls_client_auth",
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
}

//! Certificate policies: certificates of some names are issued for some purposes, and get no more than these.

use std::{collections::BTreeSet, fmt, str::FromStr};

use careconnect_verifier::Group;

use super::{DisplayName, KeyThumbprint, certificate_identity::InvalidCertificateIdentity};
use crate::clock::UnixTime;

/// Caps the groups that certificates with such a host name may obtain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePolicy {
    /// What people call it.
    pub name: DisplayName,
    /// It concerns every certificate with a host name that begins so.
    pub host_prefix: HostPrefix,
    /// And, where this is given, with this key in its path.
    pub issuer: Option<KeyThumbprint>,
    /// All that these certificates may obtain.
    pub groups: BTreeSet<Group>,
    /// When it was made.
    pub created_at: UnixTime,
    /// Since when it holds no longer.
    pub removed_at: Option<UnixTime>,
}

impl CertificatePolicy {
    /// Does it concern a certificate of these host names, with these keys in its path?
    pub fn concerns<'a>(&self, mut hosts: impl Iterator<Item = &'a str>, issuers: &[KeyThumbprint]) -> bool {
        self.removed_at.is_none()
            && self.issuer.is_none_or(|issuer| issuers.contains(&issuer))
            && hosts.any(|host| self.host_prefix.begins(host))
    }
}

/// The beginning of a host name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPrefix(Box<str>);

impl HostPrefix {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn begins(&self, host: &str) -> bool {
        host.get(..self.0.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.0))
    }
}

impl FromStr for HostPrefix {
    type Err = InvalidCertificateIdentity;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=253).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(text.to_ascii_lowercase().into()));
        }
        let rule = "expected 1 to 253 letters, digits, hyphens and dots";
        Err(InvalidCertificateIdentity::new("host name's beginning", text, rule))
    }
}

impl fmt::Display for HostPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(prefix: &str, issuer: Option<KeyThumbprint>) -> CertificatePolicy {
        CertificatePolicy {
            name: "Appointments only".parse().unwrap(),
            host_prefix: prefix.parse().unwrap(),
            issuer,
            groups: [Group::READ_SLOT].into(),
            created_at: UnixTime(0),
            removed_at: None,
        }
    }

    #[test]
    fn it_concerns_host_names_that_begin_so_whatever_their_case() {
        let policy = policy("Appt-", None);
        for hosts in [&["appt-a1001.trust.nhs.uk"][..], &["other.nhs.uk", "APPT-A1001.trust.nhs.uk"]] {
            assert!(policy.concerns(hosts.iter().copied(), &[]), "{hosts:?}");
        }
        for hosts in [&[][..], &["xappt-a1001.nhs.uk"], &["appt"], &["äppt-a"]] {
            assert!(!policy.concerns(hosts.iter().copied(), &[]), "{hosts:?}");
        }
    }

    #[test]
    fn it_concerns_an_issuer_by_its_key_and_nobody_once_removed() {
        let (one, other) = (KeyThumbprint::of_spki(b"one"), KeyThumbprint::of_spki(b"other"));
        let mut policy = policy("appt-", Some(one));
        let concerns = |policy: &CertificatePolicy, issuers: &[_]| policy.concerns(["appt-a"].into_iter(), issuers);
        assert!(concerns(&policy, &[other, one]));
        assert!(!concerns(&policy, &[other]));
        policy.removed_at = Some(UnixTime(1));
        assert!(!concerns(&policy, &[one]));
    }
}

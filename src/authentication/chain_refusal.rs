//! Why a client certificate is not trusted: one reason for machines, one sentence for people.

use rustls_pki_types as pki;

use crate::{clock::UnixTime, domain::FailedCheck};

/// Why a certificate, or the chain behind it, was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainRefusal {
    /// It is no certificate, or one that no conforming authority issues.
    #[error("the certificate cannot be used: {0}")]
    Malformed(String),
    /// More certificates came than any honest chain has.
    #[error("expected at most {limit} {what}, received {received}")]
    TooManyCertificates {
        /// What was counted.
        what: &'static str,
        /// How many may come.
        limit: usize,
        /// How many came.
        received: usize,
    },
    /// A certificate of the path, or its anchor, is no longer valid.
    #[error("valid until {not_after}, and now it is {now}")]
    Expired {
        /// The last second at which it was valid.
        not_after: UnixTime,
        /// When it was judged.
        now: UnixTime,
    },
    /// A certificate of the path, or its anchor, is not valid yet.
    #[error("valid from {not_before}, and now it is {now}")]
    NotYetValid {
        /// The first second at which it is valid.
        not_before: UnixTime,
        /// When it was judged.
        now: UnixTime,
    },
    /// No path leads to a configured authority.
    #[error("expected a certificate from a configured authority, received one from {issuer}")]
    UnknownIssuer {
        /// The leaf's issuer, as text that cannot forge a log line.
        issuer: String,
    },
    /// The certificate is for something else than authenticating a client.
    #[error("expected the extended key usage clientAuth, received {received}")]
    WrongUsage {
        /// The usages it is for, as dotted numbers.
        received: String,
    },
    /// A certificate of an authority was presented as the client's own.
    #[error("expected a client's certificate, received that of an authority")]
    AuthorityAsClient,
    /// A certificate of the path was issued by one that may not issue.
    #[error("an issuer in the path is no certification authority")]
    NotAnAuthority,
    /// A certificate of the path is on a revocation list.
    #[error("a certificate in the path is revoked")]
    Revoked,
    /// An administrator of this server has blocked it.
    #[error("an administrator has blocked the certificate {serial} of {issuer}")]
    Blocked {
        /// The leaf's issuer, as text that cannot forge a log line.
        issuer: String,
        /// Its serial number.
        serial: String,
    },
    /// Revocation lists are configured, and none covers a certificate of the path.
    #[error("no revocation list covers a certificate in the path")]
    RevocationUnknown,
    /// The revocation list is too old to rely on.
    #[error("the revocation list was due for renewal at {next_update}, and now it is {now}")]
    RevocationListExpired {
        /// When its successor was due.
        next_update: UnixTime,
        /// When it was judged.
        now: UnixTime,
    },
    /// A signature in the path is wrong: its issuer only bears the name of the real one.
    #[error("a signature in the path is not that of the issuer it names")]
    BadSignature,
    /// A signature in the path was made with an algorithm that is not trusted.
    #[error("a signature in the path uses an algorithm that is not supported, such as SHA-1")]
    UnsupportedAlgorithm,
    /// The client's key can be broken, or its kind is not supported.
    #[error("expected RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519, received {received}")]
    WeakKey {
        /// What kind of key it is.
        received: String,
    },
    /// The path is longer than an authority, or we, allow.
    #[error("the path to the authority is too long")]
    TooDeep,
    /// An authority may not issue for this name.
    #[error("an authority in the path may not issue certificates for this name")]
    NameNotPermitted,
    /// An extension must be understood and is not.
    #[error("a certificate in the path has a critical extension that is not supported")]
    UnsupportedExtension,
}

impl ChainRefusal {
    /// A stable code, for metrics, logs and `cert verify`.
    pub fn reason(&self) -> &'static str {
        let name = self.check_name();
        name.strip_prefix("certificate_").unwrap_or(name)
    }

    /// The check that failed, with both sides.
    pub fn check(&self) -> FailedCheck {
        let (expected, received) = self.sides();
        FailedCheck::new(self.check_name(), expected, received)
    }

    const fn check_name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "certificate_malformed",
            Self::TooManyCertificates { .. } => "certificate_too_many_certificates",
            Self::Expired { .. } => "certificate_expired",
            Self::NotYetValid { .. } => "certificate_not_yet_valid",
            Self::UnknownIssuer { .. } => "certificate_unknown_issuer",
            Self::WrongUsage { .. } => "certificate_wrong_usage",
            Self::AuthorityAsClient => "certificate_authority_as_client",
            Self::NotAnAuthority => "certificate_not_an_authority",
            Self::Revoked => "certificate_revoked",
            Self::Blocked { .. } => "certificate_blocked",
            Self::RevocationUnknown => "certificate_revocation_unknown",
            Self::RevocationListExpired { .. } => "certificate_revocation_list_expired",
            Self::BadSignature => "certificate_bad_signature",
            Self::UnsupportedAlgorithm => "certificate_unsupported_algorithm",
            Self::WeakKey { .. } => "certificate_weak_key",
            Self::TooDeep => "certificate_too_deep",
            Self::NameNotPermitted => "certificate_name_not_permitted",
            Self::UnsupportedExtension => "certificate_unsupported_extension",
        }
    }

    /// What would have passed, and what came.
    fn sides(&self) -> (String, String) {
        let (expected, received) = match self {
            Self::Malformed(what) => ("an X.509 certificate (RFC 5280)", what.clone()),
            Self::TooManyCertificates { what, limit, received } => {
                return (format!("at most {limit} {what}"), received.to_string());
            }
            Self::Expired { not_after, now } => {
                return (
                    format!("a path whose certificates are valid at {now}"),
                    format!("one valid until {not_after}"),
                );
            }
            Self::NotYetValid { not_before, now } => {
                return (
                    format!("a path whose certificates are valid at {now}"),
                    format!("one valid from {not_before}"),
                );
            }
            Self::UnknownIssuer { issuer } => ("a path to a configured authority", format!("one from {issuer}")),
            Self::WrongUsage { received } => ("the extended key usage clientAuth", received.clone()),
            Self::AuthorityAsClient => ("a client's certificate", "that of an authority".to_owned()),
            Self::NotAnAuthority => ("issuers that may sign certificates", "one that may not".to_owned()),
            Self::Revoked => ("certificates on no revocation list", "one that is revoked".to_owned()),
            Self::Blocked { issuer, serial } => ("a certificate that is not blocked", format!("{serial} of {issuer}")),
            Self::RevocationUnknown => ("a revocation list for every certificate", "one without".to_owned()),
            Self::RevocationListExpired { next_update, now } => {
                return (format!("a revocation list that is up to date at {now}"), format!("due at {next_update}"));
            }
            Self::BadSignature => ("the signature of the issuer", "another under the same name".to_owned()),
            Self::UnsupportedAlgorithm => {
                ("a signature algorithm that is trusted", "another, such as SHA-1".to_owned())
            }
            Self::WeakKey { received } => {
                ("RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519", received.clone())
            }
            Self::TooDeep => ("a path as short as its authorities allow", "a longer one".to_owned()),
            Self::NameNotPermitted => ("a name for which its issuers may issue", "another".to_owned()),
            Self::UnsupportedExtension => ("critical extensions that are supported", "another".to_owned()),
        };
        (expected.to_owned(), received)
    }

    /// Of several authorities' refusals, the one with the largest figure says most: the others never knew it.
    pub(super) const fn telling(&self) -> u8 {
        match self {
            Self::UnknownIssuer { .. } => 0,
            Self::BadSignature => 1, // an authority of the same name
            _ => 2,
        }
    }

    /// What path building found, judged at `now`, for a leaf that names `issuer`.
    pub(super) fn of_path(error: webpki::Error, issuer: &str, now: UnixTime) -> Self {
        use webpki::Error as E;
        match error {
            E::CertExpired { not_after, .. } => Self::Expired { not_after: seconds(not_after), now },
            E::CertNotValidYet { not_before, .. } => Self::NotYetValid { not_before: seconds(not_before), now },
            E::UnknownIssuer => Self::UnknownIssuer { issuer: issuer.to_owned() },
            E::RequiredEkuNotFoundContext(context) => {
                let usages = context.present.iter().map(|usage| dotted(usage)).collect::<Vec<_>>();
                Self::WrongUsage { received: usages.join(", ") }
            }
            E::EmptyEkuExtension => Self::WrongUsage { received: "none".to_owned() },
            E::CaUsedAsEndEntity => Self::AuthorityAsClient,
            E::EndEntityUsedAsCa => Self::NotAnAuthority,
            E::CertRevoked => Self::Revoked,
            E::UnknownRevocationStatus | E::IssuerNotCrlSigner => Self::RevocationUnknown,
            E::CrlExpired { next_update, .. } => Self::RevocationListExpired { next_update: seconds(next_update), now },
            E::InvalidSignatureForPublicKey | E::InvalidCrlSignatureForPublicKey | E::SignatureAlgorithmMismatch => {
                Self::BadSignature
            }
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
            | E::UnsupportedCrlSignatureAlgorithmContext(_)
            | E::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Self::UnsupportedAlgorithm,
            E::PathLenConstraintViolated
            | E::MaximumPathDepthExceeded
            | E::MaximumPathBuildCallsExceeded
            | E::MaximumSignatureChecksExceeded
            | E::MaximumNameConstraintComparisonsExceeded => Self::TooDeep,
            E::NameConstraintViolation => Self::NameNotPermitted,
            E::UnsupportedCriticalExtension => Self::UnsupportedExtension,
            other => Self::Malformed(format!("{other:?}")),
        }
    }
}

fn seconds(time: pki::UnixTime) -> UnixTime {
    UnixTime(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

fn dotted(arcs: &[usize]) -> String {
    arcs.iter().map(usize::to_string).collect::<Vec<_>>().join(".")
}

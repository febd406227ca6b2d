//! Why a client certificate is not trusted: one reason for machines, one sentence for people.

use rustls_pki_types as pki;

use crate::clock::UnixTime;

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
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooManyCertificates { .. } => "too_many_certificates",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::UnknownIssuer { .. } => "unknown_issuer",
            Self::WrongUsage { .. } => "wrong_usage",
            Self::AuthorityAsClient => "authority_as_client",
            Self::NotAnAuthority => "not_an_authority",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::RevocationListExpired { .. } => "revocation_list_expired",
            Self::BadSignature => "bad_signature",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::WeakKey { .. } => "weak_key",
            Self::TooDeep => "too_deep",
            Self::NameNotPermitted => "name_not_permitted",
            Self::UnsupportedExtension => "unsupported_extension",
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
            E::UnknownRevocationStatus => Self::RevocationUnknown,
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

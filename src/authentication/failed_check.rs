//! What an operator is told of a failed authentication, and the caller never (R13).

use super::{AuthenticationFailure, chain_refusal::ChainRefusal, client_certificate::CertificateRefusal};
use crate::domain::{FailedCheck, catalogue::CHECKS};

impl AuthenticationFailure {
    /// The check that failed, with both sides.
    pub fn check(&self) -> FailedCheck {
        match self {
            Self::UnknownConsumer { claimed } => FailedCheck::new(
                "consumer_unknown",
                "a client_id that is registered",
                claimed.as_ref().map_or("none".to_owned(), |claimed| format!("{claimed:?}")),
            ),
            Self::UnknownCertificate { subject } => FailedCheck::new(
                "certificate_unknown",
                "a certificate that a consumer has registered, or a client_id",
                format!("a certificate of subject {subject:?}, and no client_id"),
            ),
            Self::Suspended { since } => {
                FailedCheck::new("consumer_suspended", "an active registration", format!("one suspended since {since}"))
            }
            Self::WrongSecret { held: 0, .. } => {
                FailedCheck::new("secret_not_held", "a consumer with a secret that counts now", "one without")
            }
            Self::WrongSecret { held, is_well_formed } => FailedCheck::new(
                "secret_wrong",
                format!("a secret of the consumer that counts now; it has {held}"),
                if *is_well_formed {
                    "another secret, with prefix and checksum as this server makes them"
                } else {
                    "a text that no server of this kind has made: cut off, mistyped, or of another system"
                },
            ),
            Self::NothingPresented => FailedCheck::new(
                "nothing_presented",
                "a secret in the request, or a client certificate on the connection",
                "neither",
            ),
            Self::Certificate(CertificateRefusal::NotRegistered { received }) => FailedCheck::new(
                "certificate_not_registered",
                "a certificate that is registered for this consumer and counts now",
                format!("one of subject {received:?}"),
            ),
            Self::Certificate(CertificateRefusal::NotTrusted(refusal)) => FailedCheck::new(
                check_of(refusal),
                "a certificate that is in date and leads to a configured authority",
                refusal.to_string(),
            ),
            Self::Assertion(refusal) => refusal.check(),
            Self::TooManyFailures(refusal) => refusal.check(),
            Self::TooManyWaiting(error) => FailedCheck::new("overloaded", "a free place", error.to_string()),
        }
    }
}

fn check_of(refusal: &ChainRefusal) -> &'static str {
    let is_it = |check: &&str| check.strip_prefix("certificate_") == Some(refusal.reason());
    CHECKS.iter().copied().find(is_it).unwrap_or("certificate_malformed")
}

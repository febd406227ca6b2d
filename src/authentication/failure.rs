//! Why somebody was not let in: for the operator, never for the caller (R13).

use super::{
    client_assertion::AssertionRefusal,
    client_certificate::CertificateRefusal,
    client_secret::TooManyWaiting,
    failure_budget::{Attempt, TooManyFailures},
    key_sets::NoKeys,
};
use crate::domain::{FailedCheck, RegistrationStatus};

/// Why somebody was not let in. For the log alone: the caller learns only that it failed, or a stranger could learn
/// which consumers exist (R13).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationFailure {
    /// No registration has this client id.
    #[error("the consumer is not registered")]
    UnknownConsumer {
        /// The client id that was claimed, if one was.
        claimed: Option<String>,
    },
    /// No registration has this certificate, and the request names none.
    #[error("no consumer has registered a certificate of subject {subject:?}, nor one of its alternative names")]
    UnknownCertificate {
        /// Its subject, as it would be registered.
        subject: String,
    },
    /// The registration is suspended or retired, whatever the proof is worth.
    #[error("the consumer is {status}")]
    Inactive {
        /// Which of the two, and since when.
        status: RegistrationStatus,
    },
    /// The secret is none of the consumer's.
    #[error("the secret is not one that the consumer holds now")]
    WrongSecret {
        /// How many it holds now.
        held: usize,
        /// Does it look like one that a server of this kind has made?
        is_well_formed: bool,
    },
    /// The request has no proof and the connection no certificate.
    #[error("neither a secret or an assertion in the request nor a certificate on the connection")]
    NothingPresented,
    /// The certificate does not prove the consumer.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateRefusal),
    /// The assertion proves nothing.
    #[error(transparent)]
    Assertion(#[from] AssertionRefusal),
    /// The same of a client that nobody is registered as: the caller is told no more than of an unknown key.
    #[error("{refusal}; the client is not registered")]
    AssertionOfUnknownConsumer {
        /// What the caller is told.
        refusal: AssertionRefusal,
        /// The client id of the request.
        claimed: String,
    },
    /// The key may be in a set that the consumer publishes, and we do not have.
    #[error("{refusal}; {why}")]
    KeySetMissing {
        /// What the caller is told.
        refusal: AssertionRefusal,
        /// What the operator should see to.
        why: NoKeys,
    },
    /// Not a failure of the caller: no capacity to find out.
    #[error(transparent)]
    TooManyWaiting(#[from] TooManyWaiting),
    /// So many attempts failed that this one was not looked at.
    #[error(transparent)]
    TooManyFailures(#[from] TooManyFailures),
}

impl AuthenticationFailure {
    /// Nobody is registered under the name that `attempt` is made in.
    pub(super) fn unknown(attempt: &Attempt<'_>) -> Self {
        Self::UnknownConsumer { claimed: Some(attempt.client_id.to_owned()).filter(|id| !id.is_empty()) }
    }

    /// Was there an attempt that proved nothing? Then it counts against whoever made it.
    pub(super) const fn counts(&self) -> bool {
        !matches!(self, Self::TooManyWaiting(_) | Self::TooManyFailures(_))
    }

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
            Self::Inactive { status } => {
                FailedCheck::new("consumer_suspended", "an active registration", format!("one that is {status}"))
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
            Self::Certificate(refusal) => refusal.check(),
            Self::Assertion(refusal) => refusal.check(),
            Self::AssertionOfUnknownConsumer { claimed, .. } => FailedCheck::new(
                "consumer_unknown",
                "a client id, in 'iss' and 'sub', that is registered",
                format!("{claimed:?}"),
            ),
            Self::KeySetMissing { refusal, why } => {
                let FailedCheck { check, expected, received } = refusal.check();
                FailedCheck::new(check, expected, format!("{received}; {why}"))
            }
            Self::TooManyFailures(too_many) => too_many.check(),
            Self::TooManyWaiting(error) => FailedCheck::new("overloaded", "a free place", error.to_string()),
        }
    }
}

//! Why an assertion proves nothing: one case for each check, with both sides.

use careconnect_verifier::Algorithm;

use super::{LEEWAY, LONGEST_ID, LONGEST_LIFETIME};
use crate::{
    clock::UnixTime,
    domain::{FailedCheck, Reason},
};

/// A check that an assertion did not pass. `Display` is what the caller is told: of what depends on the registration it
/// tells nothing before the signature is verified. [`Self::check`] has both sides for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionRefusal {
    /// `iss` and `sub` are absent, empty or different (R19).
    #[error(
        "missing or non-matching 'iss' and 'sub' claims in the JWT: both must be the client id; received iss {iss} and \
         sub {sub}"
    )]
    IssuerAndSubject {
        /// `iss`, quoted and cut short, or `none`.
        iss: String,
        /// `sub`, likewise.
        sub: String,
    },
    /// The parameter `client_id` names another client (R19).
    #[error("the client_id {client_id} of the form is not the client {sub} of the 'iss' and 'sub' claims in the JWT")]
    ClientIdDiffers {
        /// The parameter.
        client_id: String,
        /// The claim.
        sub: String,
    },
    /// No header says which key signed.
    #[error(
        "missing 'kid' header in the JWT: name the registered public key by 'kid', or its certificate by 'x5t#S256' or \
         'x5t'"
    )]
    KeyNotNamed,
    /// The client has no such key now, or there is no such client (R13: the two look the same).
    #[error(
        "invalid '{header}' header in the JWT: no public key is registered under {value} for the client of the 'iss' \
         and 'sub' claims, or no such client is registered"
    )]
    KeyUnknown {
        /// The header that names the key.
        header: &'static str,
        /// Its value, quoted and cut short.
        value: String,
    },
    /// The key is registered for another algorithm (R22). The caller, still a stranger, is told the same as of
    /// [`Self::SignatureWrong`].
    #[error("{}", NOT_VERIFIED)]
    AlgorithmDiffers {
        /// The registered one.
        registered: Algorithm,
        /// The one in the header.
        received: Algorithm,
    },
    /// The signature is not that key's over these bytes.
    #[error("{}", NOT_VERIFIED)]
    SignatureWrong {
        /// The header that names the key, with its value.
        named_by: String,
    },
    /// `typ` says that this is something else, such as an access token (R24).
    #[error(
        "invalid 'typ' header in the JWT: expected 'JWT' or 'client-authentication+jwt', or none; received {received}"
    )]
    TypeHeader {
        /// `typ`, quoted and cut short.
        received: String,
    },
    /// `aud` is absent, another, or more than one (R18).
    #[error("missing or invalid 'aud' claim in the JWT: expected {expected} and nothing else, received {received}")]
    Audience {
        /// What would have been right.
        expected: String,
        /// The beginning of what came.
        received: String,
    },
    /// There is no `exp` (R20).
    #[error("missing 'exp' claim in the JWT: it must be an integer, at most 5 minutes in the future")]
    ExpiryMissing,
    /// `exp` is past (R20).
    #[error("the JWT has expired: its 'exp' claim is {}, it is {} here", .expires_at.0, .now.0)]
    Expired {
        /// `exp`.
        expires_at: UnixTime,
        /// The server's time.
        now: UnixTime,
    },
    /// `exp` is too far ahead (R20).
    #[error(
        "invalid 'exp' claim in the JWT: {} is more than 5 minutes in the future; it is {} here", .expires_at.0, .now.0
    )]
    LifetimeTooLong {
        /// `exp`.
        expires_at: UnixTime,
        /// The server's time.
        now: UnixTime,
    },
    /// `nbf` or `iat` is ahead of the server's clock (R20).
    #[error("invalid '{claim}' claim in the JWT: {} is in the future; it is {} here", .starts_at.0, .now.0)]
    NotYetValid {
        /// Which of the two.
        claim: &'static str,
        /// Its value.
        starts_at: UnixTime,
        /// The server's time.
        now: UnixTime,
    },
    /// There is no `jti`, or it is empty or too long (R21).
    #[error("missing or invalid 'jti' claim in the JWT: it must be a unique string of 1 to {LONGEST_ID} bytes, received {}", id(.length))]
    IdMissing {
        /// The length in bytes of what came, if anything did.
        length: Option<usize>,
    },
}

const NOT_VERIFIED: &str = "the JWT signature could not be verified: sign with the private key of the public key that is \
                            registered under that name, and with the 'alg' that it is registered for";

impl AssertionRefusal {
    /// The reason that the caller is told.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::IssuerAndSubject { .. } | Self::ClientIdDiffers { .. } => Reason::AssertionIssuer,
            Self::KeyNotNamed => Reason::AssertionKeyNotNamed,
            Self::KeyUnknown { .. } => Reason::AssertionKeyUnknown,
            Self::AlgorithmDiffers { .. } | Self::SignatureWrong { .. } => Reason::AssertionSignature,
            Self::TypeHeader { .. } => Reason::AssertionTypeHeader,
            Self::Audience { .. } => Reason::AssertionAudience,
            Self::ExpiryMissing => Reason::AssertionExpiryMissing,
            Self::Expired { .. } => Reason::AssertionExpired,
            Self::LifetimeTooLong { .. } => Reason::AssertionLifetime,
            Self::NotYetValid { .. } => Reason::AssertionNotYetValid,
            Self::IdMissing { .. } => Reason::AssertionIdMissing,
        }
    }

    /// Might it be none with keys that the consumer has published since?
    pub const fn is_of_the_key(&self) -> bool {
        matches!(self, Self::KeyUnknown { .. } | Self::AlgorithmDiffers { .. } | Self::SignatureWrong { .. })
    }

    /// Both sides, for the operator.
    pub fn check(&self) -> FailedCheck {
        let both = |expected: &str, received: &str| (expected.to_owned(), received.to_owned());
        let (expected, received) = match self {
            Self::IssuerAndSubject { iss, sub } => {
                ("'iss' and 'sub' are the client id".to_owned(), format!("iss {iss}, sub {sub}"))
            }
            Self::ClientIdDiffers { client_id, sub } => (format!("sub {client_id}, as in client_id"), sub.clone()),
            Self::KeyNotNamed => both("a header 'kid', 'x5t#S256' or 'x5t'", "none of them"),
            Self::KeyUnknown { header, value } => {
                (format!("a '{header}' of a key that the consumer has now"), value.clone())
            }
            Self::AlgorithmDiffers { registered, received } => {
                (format!("the algorithm of the registered key, {registered}"), received.to_string())
            }
            Self::SignatureWrong { named_by } => (format!("a signature of the key with {named_by}"), "another".into()),
            Self::TypeHeader { received } => both("typ JWT or client-authentication+jwt, or none", received),
            Self::Audience { expected, received } => (expected.clone(), received.clone()),
            Self::ExpiryMissing => both("a claim 'exp'", "none"),
            Self::Expired { expires_at, now } => {
                (format!("an 'exp' after {} (leeway {LEEWAY} s)", now.plus(-LEEWAY)), expires_at.to_string())
            }
            Self::LifetimeTooLong { expires_at, now } => {
                let latest = now.plus(LONGEST_LIFETIME + LEEWAY);
                (format!("an 'exp' of {latest} at the latest (leeway {LEEWAY} s)"), expires_at.to_string())
            }
            Self::NotYetValid { claim, starts_at, now } => {
                let latest = now.plus(LEEWAY);
                (format!("an '{claim}' of {latest} at the latest (leeway {LEEWAY} s)"), starts_at.to_string())
            }
            Self::IdMissing { length } => (format!("a 'jti' of 1 to {LONGEST_ID} bytes"), id(length)),
        };
        FailedCheck::new(self.reason().name(), expected, received)
    }

    pub(super) fn issuer_and_subject(issuer: Option<&str>, subject: Option<&str>) -> Self {
        let told = |claim: Option<&str>| claim.map_or_else(|| "none".to_owned(), quoted);
        Self::IssuerAndSubject { iss: told(issuer), sub: told(subject) }
    }

    pub(super) fn client_id_differs(client_id: &str, subject: &str) -> Self {
        Self::ClientIdDiffers { client_id: quoted(client_id), sub: quoted(subject) }
    }

    pub(super) fn key_unknown(header: &'static str, value: &str) -> Self {
        Self::KeyUnknown { header, value: quoted(value) }
    }

    pub(super) fn signature_wrong(header: &'static str, value: &str) -> Self {
        Self::SignatureWrong { named_by: format!("the '{header}' {}", quoted(value)) }
    }

    pub(super) fn type_header(typ: &str) -> Self {
        Self::TypeHeader { received: quoted(typ) }
    }

    pub(super) fn audience(issuer: &str, token_endpoint: Option<&str>, received: &[String]) -> Self {
        let or_endpoint = token_endpoint.map(|endpoint| format!(" or {endpoint:?}")).unwrap_or_default();
        let received = match received {
            [] => "none".to_owned(),
            some => some.iter().take(4).map(|audience| quoted(audience)).collect::<Vec<_>>().join(" and "),
        };
        Self::Audience { expected: format!("{issuer:?}{or_endpoint}"), received }
    }
}

/// The beginning of a text, in quotation marks.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(200).collect::<String>())
}

fn id(length: &Option<usize>) -> String {
    length.map_or_else(|| "none".to_owned(), |length| format!("{length} bytes"))
}

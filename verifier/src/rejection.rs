//! Why a token was not accepted: for the log in full, for the caller as RFC 6750 §3 says it, never with the token.

use crate::{Asid, Group, InvalidKeySet, UnusableKey};

/// A refusal, with what was expected and what came. `Display` is for the log: what came is quoted, escaped and cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request brought no bearer token.
    #[error("expected a bearer token, received none")]
    NoToken,
    /// The request's credentials cannot be read, such as two `Authorization` headers.
    #[error("expected {expected}")]
    BadRequest {
        /// What would have been right.
        expected: &'static str,
    },
    /// The token is longer than any that we read.
    #[error("expected a token of at most {limit} bytes, received {received}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The token's length in bytes.
        received: usize,
    },
    /// A part of the token cannot be read, or could be read in two ways.
    #[error("the {part} is not {expected}")]
    Malformed {
        /// `token`, `header`, `payload` or `signature`.
        part: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A header parameter is absent or of the wrong type.
    #[error("the header parameter {parameter} is not {expected}")]
    BadHeader {
        /// The parameter.
        parameter: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The header has `crit`: it asks for an extension, and we know none.
    #[error("expected no critical header parameters")]
    CriticalExtension,
    /// `typ` says that this is no access token (RFC 9068 §4).
    #[error("expected typ \"at+jwt\", received {}", quoted(received))]
    WrongType {
        /// The beginning of what came, if it was a string.
        received: Option<String>,
    },
    /// The algorithm is unknown, not allowed here, or not the key's.
    #[error("expected an algorithm that is allowed here and belongs to the key, received {}", quoted(received))]
    UnsupportedAlgorithm {
        /// The beginning of what came, if it was a string.
        received: Option<String>,
    },
    /// No key of the issuer has this id.
    #[error("the issuer has no key {key_id:?}")]
    UnknownKey {
        /// The beginning of the id.
        key_id: String,
    },
    /// The issuer's key of this id may not be used.
    #[error("the issuer's key {key_id:?} {problem}")]
    UnusableKey {
        /// The beginning of the id.
        key_id: String,
        /// Why.
        problem: UnusableKey,
    },
    /// The signature is not the key's over these bytes.
    #[error("the signature does not belong to this token and key")]
    BadSignature,
    /// The issuer's keys could not be had, so nothing can be judged. Not the caller's fault.
    #[error("the issuer's keys are not available: {0}")]
    KeysUnavailable(String),
    /// What should be the issuer's key set is none. Not the caller's fault.
    #[error(transparent)]
    InvalidKeySet(#[from] InvalidKeySet),
    /// The token has ended.
    #[error("the token ended at {expired_at}, it is {now} (leeway {leeway} s)")]
    Expired {
        /// `exp`, Unix seconds.
        expired_at: i64,
        /// The time of the check, Unix seconds.
        now: i64,
        /// What was allowed for differing clocks, in seconds.
        leeway: i64,
    },
    /// The token was issued longer ago than this provider accepts.
    #[error("the token was issued at {issued_at}, more than {max_age} s before {now}")]
    TooOld {
        /// `iat`, Unix seconds.
        issued_at: i64,
        /// The time of the check, Unix seconds.
        now: i64,
        /// The oldest age that is accepted, in seconds.
        max_age: i64,
    },
    /// The token is not valid yet.
    #[error("the token becomes valid at {not_before}, it is {now}")]
    NotYetValid {
        /// `nbf`, Unix seconds.
        not_before: i64,
        /// The time of the check, Unix seconds.
        now: i64,
    },
    /// The token says that it was issued in the future.
    #[error("the token says that it was issued at {issued_at}, it is {now}")]
    IssuedInFuture {
        /// `iat`, Unix seconds.
        issued_at: i64,
        /// The time of the check, Unix seconds.
        now: i64,
    },
    /// Another issuer than the one that is trusted.
    #[error("expected the issuer {expected:?}, received {received:?}")]
    WrongIssuer {
        /// The trusted issuer.
        expected: String,
        /// The beginning of `iss`.
        received: String,
    },
    /// The token is for another provider.
    #[error("expected the audience {expected:?}, received {received:?}")]
    WrongAudience {
        /// This provider's service root.
        expected: String,
        /// The beginnings of the first few values of `aud`.
        received: Vec<String>,
    },
    /// A claim that every token has is absent.
    #[error("the claim {claim} is missing")]
    MissingClaim {
        /// Its name.
        claim: &'static str,
    },
    /// A claim has a value that it cannot have.
    #[error("expected the claim {claim} to be {expected}, received {}", quoted(received))]
    InvalidClaim {
        /// Its name.
        claim: &'static str,
        /// What it must be.
        expected: &'static str,
        /// The beginning of what came, if it was a string.
        received: Option<String>,
    },
    /// The consumer has not been assured for what it asks to do.
    #[error("expected the group {required}, received {held:?}")]
    GroupMissing {
        /// The group that the operation needs.
        required: Group,
        /// The groups that the token has.
        held: Vec<Group>,
    },
    /// The token is bound to a certificate, and the caller presented none or another; or it is not bound and had to be.
    #[error("expected a token bound to the certificate presented, received {0}")]
    CertificateMismatch(Binding),
    /// The SSP forwarded the call for another system than the token's.
    #[error("Ssp-From is {received:?}, the token is for {expected}")]
    AsidMismatch {
        /// The token's ASID.
        expected: Asid,
        /// The beginning of what the header said.
        received: String,
    },
}

/// How a token and the caller's certificate failed to meet (RFC 8705 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Binding {
    /// The token is bound; the caller presented no certificate.
    #[error("a bound token and no certificate")]
    NoCertificate,
    /// The token is bound to another certificate.
    #[error("a token bound to another certificate")]
    OtherCertificate,
    /// The provider accepts bound tokens only, and this one is not.
    #[error("a token that is not bound")]
    NotBound,
}

impl Rejection {
    /// A stable word for machines: metrics, alerts, tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::BadRequest { .. } => "bad_request",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
            Self::BadHeader { .. } => "bad_header",
            Self::CriticalExtension => "crit",
            Self::WrongType { .. } => "wrong_typ",
            Self::UnsupportedAlgorithm { .. } | Self::UnusableKey { problem: UnusableKey::WrongAlgorithm(_), .. } => {
                "unsupported_alg"
            }
            Self::UnknownKey { .. } => "unknown_kid",
            Self::UnusableKey { .. } | Self::InvalidKeySet(_) => "jwks_invalid",
            Self::BadSignature => "bad_signature",
            Self::KeysUnavailable(_) => "keys_unavailable",
            Self::Expired { .. } | Self::TooOld { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::IssuedInFuture { .. } => "iat_future",
            Self::WrongIssuer { .. } => "wrong_issuer",
            Self::WrongAudience { .. } => "wrong_audience",
            Self::MissingClaim { .. } => "missing_claim",
            Self::InvalidClaim { .. } => "invalid_claim",
            Self::GroupMissing { .. } => "group_missing",
            Self::CertificateMismatch(_) => "cnf_mismatch",
            Self::AsidMismatch { .. } => "asid_mismatch",
        }
    }

    /// The HTTP status: 400, 401 or 403 as RFC 6750 §3.1, and 503 while there are no keys.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest { .. } => 400,
            Self::GroupMissing { .. } => 403,
            Self::KeysUnavailable(_) | Self::InvalidKeySet(_) => 503,
            _ => 401,
        }
    }

    /// The error code of RFC 6750 §3.1; none for a request without a token, nor when the fault is ours.
    pub fn error(&self) -> Option<&'static str> {
        match self {
            Self::NoToken | Self::KeysUnavailable(_) | Self::InvalidKeySet(_) => None,
            Self::BadRequest { .. } => Some("invalid_request"),
            Self::GroupMissing { .. } => Some("insufficient_scope"),
            _ => Some("invalid_token"),
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3). Made of our own words only: nothing that came goes back.
    pub fn www_authenticate(&self) -> String {
        let mut challenge = String::from("Bearer realm=\"careconnect\"");
        if let Some(error) = self.error() {
            challenge.push_str(&format!(", error=\"{error}\", error_description=\"{}\"", self.reason()));
        }
        if let Self::GroupMissing { required, .. } = self {
            challenge.push_str(&format!(", scope=\"{required}\""));
        }
        challenge
    }
}

/// What came, escaped; or that it was no text at all.
fn quoted(received: &Option<String>) -> String {
    received.as_ref().map_or_else(|| "none, or another type".to_owned(), |received| format!("{received:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_group_is_named_in_the_challenge() {
        let rejection = Rejection::GroupMissing { required: Group::READ_SLOT, held: vec![] };
        assert_eq!(rejection.status(), 403);
        assert_eq!(
            rejection.www_authenticate(),
            "Bearer realm=\"careconnect\", error=\"insufficient_scope\", error_description=\"group_missing\", \
             scope=\"urn:nhs:names:services:careconnect:fhir:rest:read:slot\""
        );
    }

    #[test]
    fn a_request_without_a_token_gets_a_challenge_without_an_error() {
        assert_eq!(Rejection::NoToken.www_authenticate(), "Bearer realm=\"careconnect\"");
        assert_eq!(Rejection::NoToken.status(), 401);
    }

    #[test]
    fn what_came_is_escaped_in_the_log() {
        let rejection = Rejection::UnknownKey { key_id: "a\r\nlevel=INFO".to_owned() };
        assert_eq!(rejection.to_string(), r#"the issuer has no key "a\r\nlevel=INFO""#); // R55
    }
}

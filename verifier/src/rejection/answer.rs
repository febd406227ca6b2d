//! What a refusal says to the caller.

use super::Rejection;
use crate::UnusableKey;

impl Rejection {
    /// A stable word for machines: metrics, alerts, tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::BadRequest { .. } => "bad_request",
            Self::TooLarge { .. } => "too_large",
            Self::NotThreeParts { .. } | Self::Malformed { .. } => "malformed",
            Self::BadHeader { .. } => "bad_header",
            Self::CriticalExtension => "crit",
            Self::WrongType { .. } => "wrong_typ",
            Self::UnsupportedAlgorithm { .. }
            | Self::AlgorithmOfAnotherKey { .. }
            | Self::UnusableKey { problem: UnusableKey::WrongAlgorithm(_), .. } => "unsupported_alg",
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
            Self::Revoked { .. } => "revoked",
            Self::RevocationsUnavailable(_) => "revocations_unavailable",
        }
    }

    /// The HTTP status: 400, 401 or 403 as RFC 6750 §3.1, and 503 while the issuer's keys cannot be had or used, or its
    /// revocations not be had.
    pub fn status(&self) -> u16 {
        self.answer().0
    }

    /// The error code of RFC 6750 §3.1; none for a request without a token, nor when the fault is not the caller's.
    pub fn error(&self) -> Option<&'static str> {
        self.answer().1
    }

    /// One reason has one answer.
    fn answer(&self) -> (u16, Option<&'static str>) {
        match self.reason() {
            "no_token" => (401, None),
            "bad_request" => (400, Some("invalid_request")),
            "group_missing" => (403, Some("insufficient_scope")),
            "keys_unavailable" | "jwks_invalid" | "revocations_unavailable" => (503, None),
            _ => (401, Some("invalid_token")),
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

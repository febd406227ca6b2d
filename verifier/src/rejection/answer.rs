//! What a refusal says to the caller. Made of our own words only: nothing that came goes back.

use std::borrow::Cow;

use super::{Binding, Rejection};
use crate::{InteractionId, UnusableKey};

/// Refusals that get the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no token.
    NoToken,
    /// The request itself cannot be judged.
    Request,
    /// A header beside the token is missing or cannot be read.
    Header,
    /// What came as a token is none, or not one of this kind.
    Unreadable,
    /// It was a token.
    Ended,
    /// It is no token of this issuer for this provider and its bearer, or not now.
    Invalid,
    /// It is a good token, and not enough.
    Forbidden,
    /// It is another system's token than the one that the SSP speaks of.
    OtherSystem,
    /// The request says something else than the token.
    Unmatched,
    /// Not the caller's fault.
    Unavailable,
}

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
            Self::SspHeader { .. } => "ssp_header",
            Self::WrongReceiver { .. } => "ssp_to_mismatch",
            Self::UnknownInteraction { .. } => "unknown_interaction",
            Self::InteractionMismatch { .. } => "interaction_mismatch",
            Self::SearchFilter(_) => "search_filter_mismatch",
            Self::EndUserOrganisation(_) => "organisation_mismatch",
            Self::Revoked { .. } => "revoked",
            Self::RevocationsUnavailable(_) => "revocations_unavailable",
        }
    }

    /// One reason has one answer.
    pub(crate) fn fault(&self) -> Fault {
        match self.reason() {
            "no_token" => Fault::NoToken,
            "bad_request" => Fault::Request,
            "ssp_header" => Fault::Header,
            "too_large" | "malformed" | "bad_header" | "crit" | "wrong_typ" | "unsupported_alg" => Fault::Unreadable,
            "expired" => Fault::Ended,
            "group_missing" | "unknown_interaction" => Fault::Forbidden,
            "asid_mismatch" => Fault::OtherSystem,
            "ssp_to_mismatch" | "interaction_mismatch" | "search_filter_mismatch" | "organisation_mismatch" => {
                Fault::Unmatched
            }
            "keys_unavailable" | "jwks_invalid" | "revocations_unavailable" => Fault::Unavailable,
            _ => Fault::Invalid,
        }
    }

    /// The HTTP status: 400, 401 or 403 as RFC 6750 §3.1, and 503 while the issuer's keys cannot be had or used, or its
    /// revocations not be had. Another [`ResponseProfile`](crate::ResponseProfile) may have another one.
    pub fn status(&self) -> u16 {
        match self.fault() {
            Fault::Request | Fault::Header | Fault::Unmatched => 400,
            Fault::NoToken | Fault::Unreadable | Fault::Ended | Fault::Invalid | Fault::OtherSystem => 401,
            Fault::Forbidden => 403,
            Fault::Unavailable => 503,
        }
    }

    /// The error code of RFC 6750 §3.1; none for a request without a token, nor when the fault is not the caller's.
    pub fn error(&self) -> Option<&'static str> {
        match (self.fault(), self.status()) {
            (Fault::NoToken, _) | (_, 503) => None,
            _ if matches!(self, Self::UnknownInteraction { .. }) => None, // no other scope would help
            (_, 400) => Some("invalid_request"),
            (_, 403) => Some("insufficient_scope"),
            _ => Some("invalid_token"),
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3).
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

    /// A sentence on which the caller's developer can act.
    pub fn advice(&self) -> Cow<'static, str> {
        match self {
            Self::NoToken => "expected a bearer token in the Authorization header, received none".into(),
            Self::BadRequest { expected, received } => format!("expected {expected}, received {received}").into(),
            Self::SspHeader { header, expected, received } => {
                let received = if received.is_some() { "something else" } else { "none" };
                format!("expected the header {header} to be {expected}, received {received}").into()
            }
            Self::Expired { .. } | Self::TooOld { .. } => "the token has ended: get a new one".into(),
            Self::NotYetValid { .. } | Self::IssuedInFuture { .. } => {
                "the token is not valid yet: the clocks of issuer and provider differ".into()
            }
            Self::WrongIssuer { .. } => "the token is another issuer's".into(),
            Self::WrongAudience { expected, .. } => {
                format!("the token is for another provider: get one for {expected}").into()
            }
            Self::UnknownKey { .. } | Self::BadSignature => "the token is not signed with a key of the issuer".into(),
            Self::MissingClaim { claim } | Self::InvalidClaim { claim, .. } => {
                format!("the token's claim {claim} is missing or cannot be used").into()
            }
            Self::GroupMissing { required, .. } => format!("the token lacks the group {required}").into(),
            Self::CertificateMismatch(Binding::NotBound) => {
                "expected a token that is bound to the caller's certificate".into()
            }
            Self::CertificateMismatch(_) => "the token is bound to a certificate that the caller did not show".into(),
            Self::AsidMismatch { .. } => "Ssp-From is not the token's ASID".into(),
            Self::WrongReceiver { .. } => "Ssp-To is not an ASID of this provider".into(),
            Self::UnknownInteraction { .. } => "the provider has no operation of exactly this method and path".into(),
            Self::InteractionMismatch { expected, .. } => {
                let expected: Vec<_> = expected.iter().map(InteractionId::as_str).collect();
                format!("Ssp-InteractionID is not what the request is, {}", expected.join(" or ")).into()
            }
            Self::SearchFilter(_) => "searchFilter says something else than the token: leave it out".into(),
            Self::EndUserOrganisation(_) => "NHSD-End-User-Organisation is not the organisation of the token".into(),
            Self::Revoked { .. } => "the issuer has withdrawn the token".into(),
            _ => match self.fault() {
                Fault::Unavailable => "the issuer cannot be asked at the moment: try again".into(),
                _ => "what came as a bearer token is no access token of this issuer".into(),
            },
        }
    }
}

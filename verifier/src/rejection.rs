//! Why a token was not accepted: for the log in full, for the caller as RFC 6750 §3 says it, never with the token.

mod answer;

pub(crate) use answer::Fault;

use crate::{
    Algorithm, Asid, CertificateThumbprint, Group, InteractionId, InvalidKeySet, KeysUnavailable,
    RevocationsUnavailable, UnusableKey, Withdrawn, end_user_organisation::EndUserOrganisationFault, search_filter,
};

/// A refusal, with what was expected and what came. `Display` is for the log: what came is quoted, escaped and cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request brought no bearer token.
    #[error("expected a bearer token, received none")]
    NoToken,
    /// The request's credentials cannot be read, such as two `Authorization` headers.
    #[error("expected {expected}, received {received}")]
    BadRequest {
        /// What would have been right.
        expected: &'static str,
        /// What came instead.
        received: &'static str,
    },
    /// The token is longer than any that we read.
    #[error("expected a token of at most {limit} bytes, received {received}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The token's length in bytes.
        received: usize,
    },
    /// A token has three parts (RFC 7515 §7.1): an encrypted one has five, an opaque one has one.
    #[error("expected three parts joined by dots, received {received}")]
    NotThreeParts {
        /// How many came.
        received: usize,
    },
    /// A part of the token cannot be read, or could be read in two ways.
    #[error("the {part} is not {expected}")]
    Malformed {
        /// `header`, `payload` or `signature`.
        part: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A header parameter is absent or of the wrong type.
    #[error("expected the header parameter {parameter} to be {expected}, received {received}")]
    BadHeader {
        /// The parameter.
        parameter: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What came instead.
        received: &'static str,
    },
    /// The header has `crit`: it asks for an extension, and we know none.
    #[error("expected no header parameter crit, received one")]
    CriticalExtension,
    /// `typ` says that this is no access token (RFC 9068 §4).
    #[error("expected typ \"at+jwt\", received {}", quoted(received, "none"))]
    WrongType {
        /// The beginning of what came, if anything did.
        received: Option<String>,
    },
    /// The algorithm is unknown or not allowed here.
    #[error("expected the algorithm {}, received {}", listed(allowed), quoted(received, "none, or no string"))]
    UnsupportedAlgorithm {
        /// Those that are allowed.
        allowed: Vec<Algorithm>,
        /// The beginning of what came, if it was a string.
        received: Option<String>,
    },
    /// The algorithm is allowed, but the key that the token names is for another.
    #[error("expected the algorithm that the key is for, {}, received {received}", listed(key))]
    AlgorithmOfAnotherKey {
        /// Those that the key is for.
        key: Vec<Algorithm>,
        /// The token's.
        received: Algorithm,
    },
    /// No key of the issuer has this id.
    #[error("expected the id of one of the issuer's keys, {known:?}, received {key_id:?}")]
    UnknownKey {
        /// The first few ids of keys that can be used, sorted.
        known: Vec<String>,
        /// The beginning of the id that came.
        key_id: String,
    },
    /// The issuer's key of this id may not be used. Not the caller's fault.
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
    KeysUnavailable(#[from] KeysUnavailable),
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
    #[error("the token was issued at {issued_at}, more than {max_age} s before {now} (leeway {leeway} s)")]
    TooOld {
        /// `iat`, Unix seconds.
        issued_at: i64,
        /// The time of the check, Unix seconds.
        now: i64,
        /// The oldest age that is accepted, in seconds.
        max_age: i64,
        /// What was allowed for differing clocks, in seconds.
        leeway: i64,
    },
    /// The token is not valid yet.
    #[error("the token becomes valid at {not_before}, it is {now} (leeway {leeway} s)")]
    NotYetValid {
        /// `nbf`, Unix seconds.
        not_before: i64,
        /// The time of the check, Unix seconds.
        now: i64,
        /// What was allowed for differing clocks, in seconds.
        leeway: i64,
    },
    /// The token says that it was issued in the future.
    #[error("the token says that it was issued at {issued_at}, it is {now} (leeway {leeway} s)")]
    IssuedInFuture {
        /// `iat`, Unix seconds.
        issued_at: i64,
        /// The time of the check, Unix seconds.
        now: i64,
        /// What was allowed for differing clocks, in seconds.
        leeway: i64,
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
    #[error("expected the claim {claim} to be {expected}, received {}", quoted(received, "something else"))]
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
    #[error("{0}")]
    CertificateMismatch(Binding),
    /// The SSP forwarded the call for another system than the token's.
    #[error("expected Ssp-From to be the token's ASID {expected}, received {received:?}")]
    AsidMismatch {
        /// The token's ASID.
        expected: Asid,
        /// The beginning of what the header said.
        received: String,
    },
    /// A header of the SSP is missing, or cannot be read.
    #[error("expected {header} to be {expected}, received {}", quoted(received, "none"))]
    SspHeader {
        /// Its name.
        header: &'static str,
        /// What it must be.
        expected: &'static str,
        /// The beginning of what came, if anything did.
        received: Option<String>,
    },
    /// The SSP forwarded the call to another system than this one.
    #[error("expected Ssp-To to be one of {expected:?}, received {received:?}")]
    WrongReceiver {
        /// The provider's own ASIDs.
        expected: Vec<Asid>,
        /// The beginning of what the header said.
        received: String,
    },
    /// The provider's table of interactions does not have this request.
    #[error("expected a request that is in the table of interactions, received {method:?} {path:?}")]
    UnknownInteraction {
        /// The beginning of its method.
        method: String,
        /// The beginning of its path.
        path: String,
    },
    /// `Ssp-InteractionID` names something else than what the request is.
    #[error("expected Ssp-InteractionID to be one of {expected:?}, received {received}")]
    InteractionMismatch {
        /// What the request is.
        expected: Vec<InteractionId>,
        /// What the header said.
        received: InteractionId,
    },
    /// `searchFilter` claims something else than the token proves.
    #[error(transparent)]
    SearchFilter(#[from] search_filter::Disagreement),
    /// `NHSD-End-User-Organisation` does not say what the token proves.
    #[error(transparent)]
    EndUserOrganisation(#[from] EndUserOrganisationFault),
    /// The issuer has withdrawn the token, its consumer or its key.
    #[error("the issuer has withdrawn {withdrawn}")]
    Revoked {
        /// Which of them.
        withdrawn: Withdrawn,
    },
    /// What the issuer has withdrawn is not known, so nothing can be judged. Not the caller's fault.
    #[error("the issuer's revocations are not available: {0}")]
    RevocationsUnavailable(#[from] RevocationsUnavailable),
}

/// How a token and the caller's certificate failed to meet (RFC 8705 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Binding {
    /// The token is bound; the caller presented no certificate.
    #[error("expected the certificate {expected}, to which the token is bound, received none")]
    NoCertificate {
        /// The one that the token is bound to.
        expected: CertificateThumbprint,
    },
    /// The token is bound to another certificate.
    #[error("expected the certificate {expected}, to which the token is bound, received {received}")]
    OtherCertificate {
        /// The one that the token is bound to.
        expected: CertificateThumbprint,
        /// The one that was presented.
        received: CertificateThumbprint,
    },
    /// The provider accepts bound tokens only, and this one is not.
    #[error("expected a token that is bound to a certificate, received one that is not")]
    NotBound,
}

/// What came, escaped; or `otherwise`.
fn quoted(received: &Option<String>, otherwise: &str) -> String {
    received.as_ref().map_or_else(|| otherwise.to_owned(), |received| format!("{received:?}"))
}

fn listed(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests;

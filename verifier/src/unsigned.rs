//! Tokens that consumers make for themselves and nobody signs: GP Connect (0.x and 1.x, also as the UEC appointments
//! specification of 2021 uses it) and the Spine core. **They prove nothing.** What is read here can be reported, so that a
//! provider learns who still comes with them and what they look like; no part of it becomes a
//! [`VerifiedToken`](crate::VerifiedToken), and nothing may be decided by it.

mod claims;
mod rules;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Rejection,
    strict_json::{self, Unambiguous},
    unverified::{MAX_TOKEN_BYTES, decode, excerpt},
};

/// Which documented form a token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// GP Connect 0.x (DSTU2), with `requested_record` and a fixed audience.
    GpConnect0,
    /// GP Connect 1.x (STU3), and UEC appointments of 2021: FHIR resources as claims.
    GpConnect1,
    /// The Spine core: `system|value` texts as claims.
    SpineCore,
    /// None of them.
    Unknown,
}

/// An unsigned token as it came. Whoever sent it could write into it what they liked.
#[derive(Debug, Clone)]
pub struct UnsignedToken {
    dialect: Dialect,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    ends_with_dot: bool,
}

/// Why a text is no unsigned token; a verifier should get it. Never holds the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotUnsigned {
    /// Longer than any that is read.
    #[error("expected a token of at most {limit} bytes, received {received}")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The token's length in bytes.
        received: usize,
    },
    /// A third part that is not empty: it may be a signed token.
    #[error("expected no signature, received one")]
    Signed,
    /// Neither two parts and a dot, nor two parts alone.
    #[error("expected two parts and a dot, received {received} parts")]
    NotTwoParts {
        /// How many came.
        received: usize,
    },
    /// An algorithm is named, or none at all: a signature was taken away.
    #[error("expected alg \"none\", received {received}")]
    Algorithm {
        /// The beginning of what came, escaped.
        received: String,
    },
    /// A part that cannot be read, or could be read in two ways.
    #[error("the {part} is not {expected}")]
    Malformed {
        /// `header` or `payload`.
        part: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

/// One rule of the token's dialect that it does not keep. `Display` is for the log: what came is escaped and cut short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {rule} to be {expected}, received {received}")]
pub struct Finding {
    /// What was looked at: a claim, or such as `exp - iat`. A stable word for metrics.
    pub rule: &'static str,
    /// What the document demands.
    pub expected: &'static str,
    /// What came.
    pub received: String,
}

/// What changes for a provider when the consumer comes with a signed token in place of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Claims that would be proven instead of said: those of `asid` and `ods_code` that this token has.
    pub proven: Vec<&'static str>,
    /// What the signed token would tell besides: `asid` and `ods_code` if this one lacks them, `org_type`, `groups`.
    pub learned: Vec<&'static str>,
    /// Claims of this token that a signed one does not have; a provider that needs them needs another source for them.
    pub lost: Vec<&'static str>,
}

/// Is it an unsigned token, rather than one for a verifier? Looks at the header only.
pub fn is_unsigned(token: &str) -> bool {
    split(token).and_then(|(header, ..)| read_header(header)).is_ok()
}

impl UnsignedToken {
    /// Reads a token of at most 16 KiB: base64url without padding, JSON of which there is one reading, `alg` of `none`. The
    /// dot at the end may be missing. All else that a dialect demands is in [`Self::findings`].
    pub fn read(token: &str) -> Result<Self, NotUnsigned> {
        let (header, payload, ends_with_dot) = split(token)?;
        let header = read_header(header)?;
        let claims = object("payload", payload)?;
        Ok(Self { dialect: claims::dialect(&claims), header, claims, ends_with_dot })
    }

    /// Its form.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}

fn split(token: &str) -> Result<(&str, &str, bool), NotUnsigned> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(NotUnsigned::TooLarge { limit: MAX_TOKEN_BYTES, received: token.len() });
    }
    let mut parts = token.splitn(4, '.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), None, _) => Ok((header, payload, false)),
        (Some(header), Some(payload), Some(""), None) => Ok((header, payload, true)),
        (_, _, Some(_), None) => Err(NotUnsigned::Signed),
        _ => Err(NotUnsigned::NotTwoParts { received: token.split('.').count() }),
    }
}

fn read_header(header: &str) -> Result<Map<String, Value>, NotUnsigned> {
    let header = object("header", header)?;
    match header.get("alg") {
        Some(Value::String(alg)) if alg == "none" => Ok(header),
        other => Err(NotUnsigned::Algorithm { received: described(other) }),
    }
}

fn object(part: &'static str, text: &str) -> Result<Map<String, Value>, NotUnsigned> {
    let malformed = |expected| NotUnsigned::Malformed { part, expected };
    let json = decode(part, text.as_bytes()).map_err(|rejection| match rejection {
        Rejection::Malformed { expected, .. } => malformed(expected),
        _ => malformed("base64url"),
    })?;
    strict_json::read(&json, |json, _| Unambiguous::deserialize(json)).map_err(|_| malformed(ONE_READING))?;
    serde_json::from_slice(&json).map_err(|_| malformed(ONE_READING))
}

const ONE_READING: &str = "a JSON object without repeated members";

/// The beginning of what came, escaped.
fn described(value: Option<&Value>) -> String {
    match value {
        None => "none".to_owned(),
        Some(Value::String(text)) => format!("{:?}", excerpt(text)),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(Value::Array(_)) => "an array".to_owned(),
        Some(other) => other.to_string(),
    }
}

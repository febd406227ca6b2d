//! What a token says of itself before anything has been proven: the only place that reads unsigned bytes.
//!
//! Nothing here may decide more than which key to try, and which tokens are not worth trying.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{MapAccess, Visitor},
};

use crate::{
    Algorithm, Rejection, base64url,
    strict_json::{self, Fault, Present, Text, UnknownNames},
};

/// The longest token that is read, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token in compact form (RFC 7515 §7.1), taken apart.
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) header: UnverifiedHeader,
    /// What the signature covers: header and payload as they came.
    pub(crate) signed: &'a [u8],
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

/// The header parameters that have a meaning here. `jwk`, `jku`, `x5u` and `x5c` have none: nobody brings their own key.
pub(crate) struct UnverifiedHeader {
    pub(crate) algorithm: Algorithm,
    typ: Option<String>,
    key_id: Option<String>,
}

impl<'a> UnverifiedToken<'a> {
    pub(crate) fn read(token: &'a [u8], allowed: &[Algorithm]) -> Result<Self, Rejection> {
        Self::read_within(MAX_TOKEN_BYTES, token, allowed)
    }

    /// For what is signed as tokens are, but may be longer.
    pub(crate) fn read_within(limit: usize, token: &'a [u8], allowed: &[Algorithm]) -> Result<Self, Rejection> {
        let [header, payload, signature] = split_within(limit, token)?;
        Ok(Self {
            header: UnverifiedHeader::read(&decode("header", header)?, allowed)?,
            signed: &token[..header.len() + 1 + payload.len()],
            payload: decode("payload", payload)?,
            signature: decode("signature", signature)?,
        })
    }
}

/// What a token says, for people who look into one. It may be forged: never decide anything by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnverifiedText {
    /// The header's JSON, as it came.
    pub header: String,
    /// The payload's JSON, as it came.
    pub payload: String,
}

impl UnverifiedText {
    /// Takes a token apart without judging anything but its outer form.
    pub fn read(token: &[u8]) -> Result<Self, Rejection> {
        let [header, payload, signature] = split(token)?;
        decode("signature", signature)?;
        Ok(Self { header: decode_text("header", header)?, payload: decode_text("payload", payload)? })
    }
}

pub(crate) fn split(token: &[u8]) -> Result<[&[u8]; 3], Rejection> {
    split_within(MAX_TOKEN_BYTES, token)
}

fn split_within(limit: usize, token: &[u8]) -> Result<[&[u8]; 3], Rejection> {
    if token.len() > limit {
        return Err(Rejection::TooLarge { limit, received: token.len() });
    }
    let mut parts = token.split(|byte| *byte == b'.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok([header, payload, signature]),
        _ => Err(Rejection::NotThreeParts { received: token.split(|byte| *byte == b'.').count() }),
    }
}

pub(crate) fn decode(part: &'static str, text: &[u8]) -> Result<Vec<u8>, Rejection> {
    base64url::decode(text)
        .ok_or(Rejection::Malformed { part, expected: "base64url without padding, white space or stray bits" })
}

fn decode_text(part: &'static str, text: &[u8]) -> Result<String, Rejection> {
    String::from_utf8(decode(part, text)?).map_err(|_| Rejection::Malformed { part, expected: "UTF-8" })
}

impl UnverifiedHeader {
    fn read(json: &[u8], allowed: &[Algorithm]) -> Result<Self, Rejection> {
        let unsupported = |received| Rejection::UnsupportedAlgorithm { allowed: allowed.to_vec(), received };
        let parameters =
            strict_json::read(json, |json, fault| json.deserialize_map(HeaderVisitor(fault))).map_err(|fault| {
                match fault {
                    Fault::Malformed(expected) => Rejection::Malformed { part: "header", expected },
                    Fault::WrongType("alg") => unsupported(None),
                    Fault::WrongType(parameter) => {
                        Rejection::BadHeader { parameter, expected: "a string", received: "something else" }
                    }
                }
            })?;
        if parameters.crit.is_some() {
            return Err(Rejection::CriticalExtension);
        }
        let name = parameters.alg.map(|alg| alg.0);
        let algorithm = allowed.iter().find(|allowed| name.as_deref() == Some(allowed.name()));
        Ok(Self {
            algorithm: *algorithm.ok_or_else(|| unsupported(name.as_deref().map(excerpt)))?,
            typ: parameters.typ.map(|typ| typ.0.into_owned()),
            key_id: parameters.kid.map(|kid| kid.0.into_owned()),
        })
    }

    /// RFC 9068 §4: an access token says that it is one.
    pub(crate) fn require_access_token(&self) -> Result<(), Rejection> {
        match self.typ() {
            Some("at+jwt" | "application/at+jwt") => Ok(()),
            other => Err(Rejection::WrongType { received: other.map(excerpt) }),
        }
    }

    pub(crate) fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    pub(crate) fn key_id(&self) -> Result<&str, Rejection> {
        self.key_id.as_deref().ok_or(Rejection::BadHeader {
            parameter: "kid",
            expected: "the id of the signing key",
            received: "none",
        })
    }
}

/// The beginning of an unsigned text, for an error.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}

#[derive(Default)]
struct Parameters<'a> {
    alg: Option<Text<'a>>,
    typ: Option<Text<'a>>,
    kid: Option<Text<'a>>,
    crit: Option<Present>,
}

struct HeaderVisitor<'f>(&'f mut Fault);

impl<'de> Visitor<'de> for HeaderVisitor<'_> {
    type Value = Parameters<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parameters<'de>, A::Error> {
        let Self(fault) = self;
        let mut parameters = Parameters::default();
        let mut unknown = UnknownNames::default();
        while let Some(Text(name)) = map.next_key()? {
            match name.as_ref() {
                "alg" => strict_json::member(&mut map, &mut parameters.alg, "alg", fault)?,
                "typ" => strict_json::member(&mut map, &mut parameters.typ, "typ", fault)?,
                "kid" => strict_json::member(&mut map, &mut parameters.kid, "kid", fault)?,
                "crit" => strict_json::member(&mut map, &mut parameters.crit, "crit", fault)?,
                _ => unknown.skip(name.into_owned(), &mut map)?,
            }
        }
        Ok(parameters)
    }
}

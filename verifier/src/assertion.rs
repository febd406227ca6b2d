//! A client assertion (RFC 7523 §3) as it came: read strictly, and believed by nobody before its signature is checked.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    Algorithm, PublicKey, Rejection,
    claim_types::{Audience, NumericDate},
    strict_json::{self, Fault, Present, Text, UnknownNames},
    unverified::{decode, excerpt, split},
};

/// What a client says of itself, and the signature that would prove it. `Debug` shows neither claims nor signature.
///
/// `jwk`, `jku`, `x5u` and `x5c` are passed over: nobody brings their own key. Fractions of seconds are rounded against
/// the client (`exp` down, `iat` and `nbf` up).
pub struct UnverifiedAssertion {
    /// `alg`: one of [`Algorithm::FOR_ASSERTIONS`].
    pub algorithm: Algorithm,
    /// `typ`.
    pub typ: Option<String>,
    /// `kid`.
    pub key_id: Option<String>,
    /// `x5t`: SHA-1 of the signer's certificate, in whatever base64 the client writes.
    pub x5t: Option<String>,
    /// `x5t#S256`: SHA-256 of the signer's certificate, likewise.
    pub x5t_s256: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `aud`: one for a string, as many as there are for an array; empty when it is absent.
    pub audiences: Vec<String>,
    /// `exp`, the first Unix second in which the assertion has ended; never negative, never beyond the year 9999.
    pub expires_at: Option<i64>,
    /// `nbf`, within the same bounds.
    pub not_before: Option<i64>,
    /// `iat`, within the same bounds.
    pub issued_at: Option<i64>,
    /// `jti`.
    pub id: Option<String>,
    /// What the signature covers: header and payload as they came.
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// Why a text is no client assertion that anybody could judge: what was looked at, what it had to be, and what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} is wrong: expected {expected}, received {received}")]
pub struct AssertionFault {
    /// What was looked at.
    pub part: AssertionPart,
    /// What it had to be.
    pub expected: &'static str,
    /// What came instead, escaped and cut short.
    pub received: String,
}

/// A part of an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionPart {
    /// Its outer form, or the JSON inside.
    Form,
    /// The header parameter of this name.
    Header(&'static str),
    /// The claim of this name.
    Claim(&'static str),
}

impl fmt::Display for AssertionPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("the form of the JWT"),
            Self::Header(name) => write!(f, "the '{name}' header of the JWT"),
            Self::Claim(name) => write!(f, "the '{name}' claim of the JWT"),
        }
    }
}

impl UnverifiedAssertion {
    /// Takes an assertion apart: a compact JWS of at most 16 KiB, of JSON with one reading only, with an algorithm that
    /// an assertion may have, without extensions, and with every claim that is there in its type.
    pub fn read(assertion: &[u8]) -> Result<Self, AssertionFault> {
        let [header, payload, signature] = split(assertion).map_err(form)?;
        let signed = assertion[..header.len() + 1 + payload.len()].to_vec();
        let header = decode("header", header).map_err(form)?;
        let payload = decode("payload", payload).map_err(form)?;
        let signature = decode("signature", signature).map_err(form)?;
        let parameters = Header::read(&header)
            .map_err(|fault| told(fault, &header, AssertionPart::Header, "a JSON object as header of the JWT"))?;
        let claims = Claims::read(&payload)
            .map_err(|fault| told(fault, &payload, AssertionPart::Claim, "a JSON object as payload of the JWT"))?;
        let algorithm = algorithm(parameters.alg.as_ref())?;
        for (name, present) in [("crit", &parameters.crit), ("b64", &parameters.b64)] {
            if present.is_some() {
                return Err(fault(AssertionPart::Header(name), "none, for no extension is understood here", "one"));
            }
        }
        Ok(Self {
            algorithm,
            typ: parameters.typ.map(owned),
            key_id: parameters.kid.map(owned),
            x5t: parameters.x5t.map(owned),
            x5t_s256: parameters.x5t_s256.map(owned),
            issuer: claims.iss.map(owned),
            subject: claims.sub.map(owned),
            audiences: claims.aud.map(|Audience(aud)| aud.into_iter().map(owned).collect()).unwrap_or_default(),
            expires_at: claims.exp.map(|exp| exp.rounded_down),
            not_before: claims.nbf.map(|nbf| nbf.rounded_up),
            issued_at: claims.iat.map(|iat| iat.rounded_up),
            id: claims.jti.map(owned),
            signed,
            signature,
        })
    }

    /// Is the signature that of `key`, made with the assertion's algorithm?
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verify_signature(self.algorithm, &self.signed, &self.signature).is_ok()
    }
}

impl fmt::Debug for UnverifiedAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedAssertion").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn algorithm(name: Option<&Text<'_>>) -> Result<Algorithm, AssertionFault> {
    let name = name.map(|Text(name)| name.as_ref());
    Algorithm::parse_for_assertions(name.unwrap_or_default()).map_err(|invalid| {
        let received = name.map_or_else(|| "none".to_owned(), |name| format!("{:?}", excerpt(name)));
        fault(AssertionPart::Header("alg"), invalid.rule, received)
    })
}

fn owned(Text(text): Text<'_>) -> String {
    text.into_owned()
}

fn fault(part: AssertionPart, expected: &'static str, received: impl Into<String>) -> AssertionFault {
    AssertionFault { part, expected, received: received.into() }
}

/// What is wrong with the outer form.
fn form(rejection: Rejection) -> AssertionFault {
    match rejection {
        Rejection::TooLarge { received, .. } => {
            fault(AssertionPart::Form, "at most 16384 bytes", format!("{received} bytes"))
        }
        Rejection::NotThreeParts { received } => {
            fault(AssertionPart::Form, "three parts joined by dots", format!("{received}"))
        }
        Rejection::Malformed { part, expected } => fault(AssertionPart::Form, expected, format!("another {part}")),
        other => fault(AssertionPart::Form, "a JWT", other.to_string()),
    }
}

/// A fault of the JSON of one part, with what stands there instead.
fn told(what: Fault, json: &[u8], part: fn(&'static str) -> AssertionPart, object: &'static str) -> AssertionFault {
    match what {
        Fault::Malformed(_) => fault(AssertionPart::Form, object, "bytes that are none, or can be read in two ways"),
        Fault::WrongType(name) => {
            let value =
                serde_json::from_slice::<Value>(json).ok().and_then(|mut json| Some(json.get_mut(name)?.take()));
            fault(part(name), expected(name), value.as_ref().map_or_else(|| "something else".to_owned(), described))
        }
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "exp" | "nbf" | "iat" => "a number of seconds since 1970, before the year 10000",
        "aud" => "a string, or an array of strings",
        _ => "a string",
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {}", excerpt(&number.to_string())),
        Value::String(text) => format!("the string {:?}", excerpt(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Declares an object of which these members have a meaning, each at most once; the others are passed over, each at most
/// once as well.
macro_rules! strict_object {
    ($object:ident { $($field:ident: $type:ty = $name:literal,)* }) => {
        #[derive(Default)]
        struct $object<'a> { $($field: Option<$type>),* }

        impl<'a> $object<'a> {
            fn read(json: &'a [u8]) -> Result<Self, Fault> {
                struct Members<'f>(&'f mut Fault);

                impl<'de> Visitor<'de> for Members<'_> {
                    type Value = $object<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let Self(fault) = self;
                        let (mut object, mut unknown) = ($object::default(), UnknownNames::default());
                        while let Some(Text(name)) = map.next_key()? {
                            match name.as_ref() {
                                $($name => strict_json::member(&mut map, &mut object.$field, $name, fault)?,)*
                                _ => unknown.skip(name.into_owned(), &mut map)?,
                            }
                        }
                        Ok(object)
                    }
                }

                strict_json::read(json, |json, fault| json.deserialize_map(Members(fault)))
            }
        }
    };
}

strict_object!(Header {
    alg: Text<'a> = "alg",
    typ: Text<'a> = "typ",
    kid: Text<'a> = "kid",
    x5t: Text<'a> = "x5t",
    x5t_s256: Text<'a> = "x5t#S256",
    crit: Present = "crit",
    b64: Present = "b64",
});

strict_object!(Claims {
    iss: Text<'a> = "iss",
    sub: Text<'a> = "sub",
    aud: Audience<'a> = "aud",
    exp: NumericDate = "exp",
    nbf: NumericDate = "nbf",
    iat: NumericDate = "iat",
    jti: Text<'a> = "jti",
});

#[cfg(test)]
mod tests;

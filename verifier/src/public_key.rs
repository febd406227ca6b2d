//! One public key: a JWK (RFC 7517) read strictly, and made ready for the algorithms that it may be used with.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Algorithm, Rejection, base64url,
    crypto::{self, VerifyingKey},
    strict_json::{self, Unambiguous},
    unverified::UnverifiedToken,
};

/// Members that only the key's owner may have (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A key that can verify signatures. It decides the algorithm; a token can only agree.
pub struct PublicKey {
    /// One, unless an RSA key leaves it open.
    ready: Vec<(Algorithm, VerifyingKey)>,
    identity: KeyIdentity,
}

/// What tells two keys apart, whatever they are called: a hash of the key itself and of what it may be used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyIdentity([u8; 32]);

/// Why a JWK is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableKey {
    /// It is no JSON object, or has a member twice.
    #[error("is no JSON object without repeated members")]
    NotAnObject,
    /// It has no `kid`, so no token can name it.
    #[error("has no kid")]
    NoKeyId,
    /// Another key of the set has the same `kid`.
    #[error("shares its kid with another key")]
    RepeatedKeyId,
    /// A member is absent or has another value than it may.
    #[error("has no {member} that is {expected}")]
    Member {
        /// The member's name.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// It gives away the private half, so anybody may have signed with it.
    #[error("shows the private member {0}")]
    PrivateMember(&'static str),
    /// Its `alg` is unknown, or does not belong to its `kty` and `crv` or to what it shall be used with.
    #[error("is labelled {0:?}, which does not fit its type or its use")]
    WrongAlgorithm(String),
    /// The cryptographic library refuses it, such as a point that is not on the curve.
    #[error("is no valid key")]
    Invalid,
}

impl PublicKey {
    /// Reads one JWK that verifies tokens. `kid` is ignored here: it is the key set's business.
    pub fn from_jwk(json: &[u8]) -> Result<Self, UnusableKey> {
        Self::from_members(&members(json)?)
    }

    /// Reads one JWK that verifies a client's assertions, never tokens.
    #[cfg(feature = "client-assertions")]
    pub fn for_assertions(json: &[u8]) -> Result<Self, UnusableKey> {
        Self::among(&members(json)?, &Algorithm::FOR_ASSERTIONS)
    }

    /// The algorithms that it may be used with: one, unless an RSA key without `alg` leaves the padding open.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.ready.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Checks a signature in the form of RFC 7518 §3.
    pub fn verify_signature(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        let (_, key) = self.ready.iter().find(|(permitted, _)| *permitted == algorithm).ok_or_else(|| {
            Rejection::AlgorithmOfAnotherKey { key: self.algorithms().collect(), received: algorithm }
        })?;
        if key.verifies(message, signature) { Ok(()) } else { Err(Rejection::BadSignature) }
    }

    /// Checks the signature of a compact JWS and gives its payload; says nothing of what the payload means.
    pub fn verify_jws(&self, jws: &[u8]) -> Result<Vec<u8>, Rejection> {
        let token = UnverifiedToken::read(jws, &Algorithm::FOR_TOKENS)?;
        self.check_signature_of(&token)?;
        Ok(token.payload)
    }

    pub(crate) fn check_signature_of(&self, token: &UnverifiedToken<'_>) -> Result<(), Rejection> {
        self.verify_signature(token.header.algorithm, token.signed, &token.signature)
    }

    pub(crate) fn from_members(jwk: &Map<String, Value>) -> Result<Self, UnusableKey> {
        Self::among(jwk, &Algorithm::FOR_TOKENS)
    }

    /// The key for those of `allowed` that its type and its `alg` leave, of which there must be one.
    fn among(jwk: &Map<String, Value>, allowed: &[Algorithm]) -> Result<Self, UnusableKey> {
        if let Some(member) = PRIVATE_MEMBERS.into_iter().find(|member| jwk.contains_key(*member)) {
            return Err(UnusableKey::PrivateMember(member));
        }
        require_purpose(jwk)?;
        let ready = match text(jwk, "kty") {
            Some("EC") => match text(jwk, "crv") {
                Some("P-256") => elliptic_curve_point(jwk, allowed, Algorithm::Es256, 32),
                Some("P-384") => elliptic_curve_point(jwk, allowed, Algorithm::Es384, 48),
                _ => Err(UnusableKey::Member { member: "crv", expected: "P-256 or P-384" }),
            },
            Some("OKP") => match text(jwk, "crv") {
                Some("Ed25519") => edwards_point(jwk, allowed),
                _ => Err(UnusableKey::Member { member: "crv", expected: "Ed25519" }),
            },
            Some("RSA") => rsa(jwk, allowed),
            _ => Err(UnusableKey::Member { member: "kty", expected: "EC, OKP or RSA" }),
        }?;
        let identity = KeyIdentity::of(jwk, &ready);
        Ok(Self { ready, identity })
    }

    pub(crate) fn identity(&self) -> KeyIdentity {
        self.identity
    }
}

impl KeyIdentity {
    /// As RFC 7638, with the algorithms: of one key, a set may leave RS256 today and PS256 tomorrow.
    fn of(jwk: &Map<String, Value>, ready: &[(Algorithm, VerifyingKey)]) -> Self {
        let members = ["kty", "crv", "x", "y", "n", "e"].map(|member| jwk.get(member));
        let algorithms: Vec<_> = ready.iter().map(|(algorithm, _)| algorithm.name()).collect();
        Self(crypto::sha256(serde_json::json!([members, algorithms]).to_string().as_bytes()))
    }
}

/// What signs with RSA keys, whatever their `alg` then says.
const RSA: [Algorithm; 6] =
    [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Rs384, Algorithm::Ps384, Algorithm::Rs512, Algorithm::Ps512];

/// A JWK's members, none of which stands twice at any depth.
fn members(json: &[u8]) -> Result<Map<String, Value>, UnusableKey> {
    strict_json::read(json, |json, _| Unambiguous::deserialize(json)).map_err(|_| UnusableKey::NotAnObject)?;
    serde_json::from_slice(json).map_err(|_| UnusableKey::NotAnObject)
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.algorithms()).finish()
    }
}

/// RFC 7517 §4.2, §4.3: a key that says what it is for must be for this.
fn require_purpose(jwk: &Map<String, Value>) -> Result<(), UnusableKey> {
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err(UnusableKey::Member { member: "use", expected: "sig" });
    }
    let verifies = |operations: &Value| {
        operations.as_array().is_some_and(|operations| {
            operations.iter().all(Value::is_string) && operations.iter().any(|operation| operation == "verify")
        })
    };
    if jwk.get("key_ops").is_some_and(|operations| !verifies(operations)) {
        return Err(UnusableKey::Member { member: "key_ops", expected: "an array with verify" });
    }
    Ok(())
}

/// Those of `possible` that the caller and the key's `alg`, when it has one, leave.
fn permitted(
    jwk: &Map<String, Value>,
    allowed: &[Algorithm],
    possible: &[Algorithm],
) -> Result<Vec<Algorithm>, UnusableKey> {
    let label = jwk.get("alg");
    let is_permitted =
        |algorithm: &Algorithm| allowed.contains(algorithm) && label.is_none_or(|label| label == algorithm.name());
    let permitted: Vec<_> = possible.iter().copied().filter(is_permitted).collect();
    if permitted.is_empty() {
        let label = label.and_then(Value::as_str).unwrap_or_default();
        return Err(UnusableKey::WrongAlgorithm(label.chars().take(32).collect()));
    }
    Ok(permitted)
}

fn elliptic_curve_point(
    jwk: &Map<String, Value>,
    allowed: &[Algorithm],
    algorithm: Algorithm,
    length: usize,
) -> Result<Vec<(Algorithm, VerifyingKey)>, UnusableKey> {
    permitted(jwk, allowed, &[algorithm])?;
    let mut point = vec![4]; // uncompressed: SEC 1 §2.3.3
    for member in ["x", "y"] {
        let coordinate = bytes(jwk, member)
            .filter(|coordinate| coordinate.len() == length)
            .ok_or(UnusableKey::Member { member, expected: "a coordinate in the curve's full length" })?;
        point.extend(coordinate);
    }
    Ok(vec![(algorithm, VerifyingKey::point(algorithm, &point).ok_or(UnusableKey::Invalid)?)])
}

fn edwards_point(
    jwk: &Map<String, Value>,
    allowed: &[Algorithm],
) -> Result<Vec<(Algorithm, VerifyingKey)>, UnusableKey> {
    permitted(jwk, allowed, &[Algorithm::EdDsa])?;
    let point = bytes(jwk, "x")
        .filter(|point| point.len() == 32)
        .ok_or(UnusableKey::Member { member: "x", expected: "32 octets" })?;
    Ok(vec![(Algorithm::EdDsa, VerifyingKey::point(Algorithm::EdDsa, &point).ok_or(UnusableKey::Invalid)?)])
}

fn rsa(jwk: &Map<String, Value>, allowed: &[Algorithm]) -> Result<Vec<(Algorithm, VerifyingKey)>, UnusableKey> {
    let algorithms = permitted(jwk, allowed, &RSA)?;
    let n = bytes(jwk, "n")
        .filter(|n| (2048..=8192).contains(&bit_length(n)))
        .ok_or(UnusableKey::Member { member: "n", expected: "a modulus of 2048 to 8192 bits without leading zeros" })?;
    let e = bytes(jwk, "e")
        .filter(|e| e.last().is_some_and(|last| last % 2 == 1) && (17..=64).contains(&bit_length(e)))
        .ok_or(UnusableKey::Member { member: "e", expected: "an odd exponent of at least 65537" })?;
    algorithms
        .into_iter()
        .map(|algorithm| Some((algorithm, VerifyingKey::rsa(algorithm, &n, &e)?)))
        .collect::<Option<_>>()
        .ok_or(UnusableKey::Invalid)
}

/// Length of a big-endian number; zero, so out of every range, when it has a leading zero octet (RFC 7518 §6.3.1.1).
fn bit_length(number: &[u8]) -> usize {
    match number.first() {
        None | Some(0) => 0,
        Some(first) => number.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(8),
    }
}

fn bytes(jwk: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    base64url::decode(text(jwk, member)?)
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &str) -> Option<&'a str> {
    jwk.get(member)?.as_str()
}

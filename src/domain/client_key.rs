//! A consumer's public key, with which it signs assertions (`private_key_jwt`).

use std::{fmt, sync::Arc};

use careconnect_verifier::{Algorithm, PublicKey, UnusableKey};
use serde_json::Value;

/// One public key for exactly one algorithm; the register decides it, an assertion can only agree (R22).
#[derive(Clone)]
pub struct ClientKey {
    jwk: Box<str>,
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
    x5t: Option<Box<str>>,
    x5t_s256: Option<Box<str>>,
    key: Arc<PublicKey>,
}

/// Why a JWK cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClientKey {
    /// It is no public key that can be used.
    #[error("the key {0}")]
    Unusable(#[from] UnusableKey),
    /// It could be used with several algorithms.
    #[error("the key does not say its algorithm: expected a member \"alg\", such as RS512")]
    NoAlgorithm,
    /// Its id is not a text that an assertion could name.
    #[error("the key's \"kid\" is no text of 1 to 256 characters")]
    BadKeyId,
}

impl ClientKey {
    /// Reads a JWK (RFC 7517) that holds a public key and, for RSA, its `alg`. With `x5t` or `x5t#S256` the assertions of
    /// libraries that name a certificate instead of a `kid` find it as well.
    pub fn from_jwk(text: &str) -> Result<Self, InvalidClientKey> {
        let key = PublicKey::for_assertions(text.as_bytes())?;
        let mut algorithms = key.algorithms();
        let (Some(algorithm), None) = (algorithms.next(), algorithms.next()) else {
            return Err(InvalidClientKey::NoAlgorithm);
        };
        drop(algorithms);
        let jwk: Value = serde_json::from_str(text).map_err(|_| UnusableKey::NotAnObject)?;
        let key_id = match jwk.get("kid") {
            None => None,
            Some(Value::String(id)) if (1..=256).contains(&id.len()) => Some(id.as_str().into()),
            Some(_) => return Err(InvalidClientKey::BadKeyId),
        };
        let thumbprint = |member| jwk.get(member).and_then(Value::as_str).map(|text| canonical(text).into());
        let (x5t, x5t_s256) = (thumbprint("x5t"), thumbprint("x5t#S256"));
        Ok(Self { jwk: jwk.to_string().into(), algorithm, key_id, x5t, x5t_s256, key: Arc::new(key) })
    }

    /// The JWK, as compact JSON.
    pub fn as_jwk(&self) -> &str {
        &self.jwk
    }

    /// The only algorithm that it may be used with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its `kid`, by which assertions name it.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Is its certificate the one of these thumbprints? Of two, SHA-256 decides.
    pub fn has_certificate(&self, x5t: Option<&str>, x5t_s256: Option<&str>) -> bool {
        match (x5t_s256, x5t) {
            (Some(named), _) => self.x5t_s256.as_deref() == Some(&canonical(named)),
            (None, Some(named)) => self.x5t.as_deref() == Some(&canonical(named)),
            (None, None) => false,
        }
    }

    /// The key itself.
    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

/// A thumbprint in base64url: some versions of MSAL write the other alphabet, or padding.
fn canonical(thumbprint: &str) -> String {
    thumbprint.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

impl PartialEq for ClientKey {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

impl Eq for ClientKey {}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({} {:?})", self.algorithm, self.key_id)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

    use super::*;

    const POINT: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    fn key(more: &str) -> Result<ClientKey, InvalidClientKey> {
        ClientKey::from_jwk(&format!("{{{POINT}{more}}}"))
    }

    #[test]
    fn a_key_has_one_algorithm() {
        // R22
        assert_eq!(key("").unwrap().algorithm(), Algorithm::EdDsa);
        let modulus = BASE64_URL_SAFE_NO_PAD.encode([0xff; 256]);
        let rsa = |more: &str| ClientKey::from_jwk(&format!(r#"{{"kty":"RSA","e":"AQAB","n":"{modulus}"{more}}}"#));
        assert!(matches!(rsa(""), Err(InvalidClientKey::NoAlgorithm)));
        assert_eq!(rsa(r#","alg":"RS512""#).unwrap().algorithm(), Algorithm::Rs512);
        assert!(matches!(key(r#","alg":"RS512""#), Err(InvalidClientKey::Unusable(_))));
        assert!(matches!(key(r#","d":"AAAA""#), Err(InvalidClientKey::Unusable(_))));
        assert!(matches!(key(r#","kid":7"#), Err(InvalidClientKey::BadKeyId)));
        assert!(matches!(key(r#","kid":"""#), Err(InvalidClientKey::BadKeyId)));
    }

    #[test]
    fn a_certificate_is_recognised_in_each_spelling_of_its_thumbprint() {
        let key = key(r#","x5t":"-_8","x5t#S256":"_-8=""#).unwrap();
        for (x5t, x5t_s256) in
            [(Some("+/8="), None), (Some("-_8"), None), (None, Some("/+8")), (Some("no"), Some("_-8"))]
        {
            assert!(key.has_certificate(x5t, x5t_s256), "{x5t:?} {x5t_s256:?}");
        }
        for (x5t, x5t_s256) in [(None, None), (Some("_-8"), None), (Some("-_8"), Some("-_8")), (Some(""), None)] {
            assert!(!key.has_certificate(x5t, x5t_s256), "{x5t:?} {x5t_s256:?}");
        }
    }
}

//! The public half of a key as a JWK (RFC 7517, RFC 7518 §6, RFC 8037 §2) and its thumbprint (RFC 7638).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_verifier::Algorithm;
use serde_json::Value;

use crate::crypto;

/// A public key. It is made from public values only, so no private member can get into it (R43).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicJwk {
    /// The required members in their lexicographic order, as RFC 7638 §3 hashes them.
    canonical: String,
}

impl PublicJwk {
    /// A key on an elliptic curve: its name and coordinates, each as long as the curve's field.
    pub fn ec(curve: &str, x: &[u8], y: &[u8]) -> Self {
        Self { canonical: format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y)) }
    }

    /// An RSA key: modulus and public exponent, big-endian without leading zeros.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self { canonical: format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(exponent), encode(modulus)) }
    }

    /// An Ed25519 key.
    pub fn ed25519(x: &[u8]) -> Self {
        Self { canonical: format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)) }
    }

    /// SHA-256 over the required members, base64url.
    pub fn thumbprint(&self) -> String {
        encode(&crypto::sha256(self.canonical.as_bytes()))
    }

    /// Reads a JWK, of which only the public members count; none when it is of no kind that signs tokens.
    pub fn parse(json: &str) -> Option<Self> {
        let jwk: Value = serde_json::from_str(json).ok()?;
        let member = |name: &str| jwk[name].as_str();
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(member(name)?).ok();
        match (member("kty")?, member("crv")) {
            ("EC", Some(curve @ ("P-256" | "P-384"))) => Some(Self::ec(curve, &bytes("x")?, &bytes("y")?)),
            ("OKP", Some("Ed25519")) => Some(Self::ed25519(&bytes("x")?)),
            ("RSA", None) => Some(Self::rsa(&bytes("n")?, &bytes("e")?)),
            _ => None,
        }
    }

    /// The key as it is published, as a value.
    pub fn to_value(&self, algorithm: Algorithm, kid: &str) -> Value {
        serde_json::from_str(&self.to_json(algorithm, kid)).unwrap_or_default() // it was written as JSON
    }

    /// The key as it is published.
    pub fn to_json(&self, algorithm: Algorithm, kid: &str) -> String {
        let members = self.canonical.trim_end_matches('}');
        format!(r#"{members},"use":"sig","alg":"{algorithm}","kid":"{kid}"}}"#)
    }
}

fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    #[test]
    fn the_thumbprint_of_the_example_of_rfc_7638() {
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZC\
                       iFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8\
                       KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ\
                       -G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = PublicJwk::rsa(&decode(modulus), &decode("AQAB"));
        assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_thumbprint_of_the_example_of_rfc_8037() {
        let jwk = PublicJwk::ed25519(&decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
        assert_eq!(jwk.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_published_key_says_what_it_is_for() {
        let json = PublicJwk::ec("P-256", &[1; 32], &[2; 32]).to_json(Algorithm::Es256, "k");
        let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(members.keys().collect::<Vec<_>>(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        assert_eq!((&members["use"], &members["alg"], &members["kid"]), (&"sig".into(), &"ES256".into(), &"k".into()));
    }
}

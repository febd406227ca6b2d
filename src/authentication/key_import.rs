//! Public keys of consumers as people have them: a JWK, a JWK set, a public key or a certificate in PEM.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_verifier::Algorithm;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer,
    pem::{PemObject, SectionKind},
};
use serde_json::{Map, Value};
use x509_parser::{
    prelude::{FromDer, X509Certificate},
    public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

use crate::{
    crypto::{digest, sha256},
    domain::{ClientKey, PublicJwk, client_key::InvalidClientKey},
};

/// What an administrator says of keys that do not say it themselves.
#[derive(Debug, Clone, Default)]
pub struct KeyHints {
    /// The algorithm; RSA keys in PEM need it, and it must agree with a JWK's `alg`.
    pub algorithm: Option<Algorithm>,
    /// The `kid` under which assertions name the key; must agree with a JWK's.
    pub key_id: Option<String>,
}

/// Why no key can be taken from a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyImportError {
    /// It has the private half, which nobody but the consumer may have.
    #[error("this is a private key, which never leaves the consumer: expected its public half (openssl pkey -pubout)")]
    Private,
    /// It is something else.
    #[error("expected a JWK, a JWK set, or a public key or certificate in PEM{}", .0.as_deref().map(|why| format!(": {why}")).unwrap_or_default())]
    Unknown(Option<String>),
    /// The key is of a kind that no assertion is signed with here.
    #[error("expected an RSA, P-256, P-384 or Ed25519 key, received {0}")]
    Unsupported(String),
    /// An RSA key can be used in six ways, and one must be chosen.
    #[error("an RSA key does not say its algorithm: name it, such as RS512, which the NHS API platform uses")]
    AlgorithmNeeded,
    /// What is said of the key is not what the key says.
    #[error("the key says {member:?} {received}, expected {expected}")]
    Contradiction {
        /// The member of the JWK.
        member: &'static str,
        /// What was said.
        expected: String,
        /// What the key says.
        received: String,
    },
    /// The key cannot be registered.
    #[error(transparent)]
    Invalid(#[from] InvalidClientKey),
}

/// The keys in `text`, at least one.
pub fn keys_in(text: &[u8], hints: &KeyHints) -> Result<Vec<ClientKey>, KeyImportError> {
    let is_json = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_json { keys_in_json(text, hints) } else { Ok(vec![key_in_pem(text, hints)?]) }
}

fn keys_in_json(text: &[u8], hints: &KeyHints) -> Result<Vec<ClientKey>, KeyImportError> {
    let unknown = |why: &str| KeyImportError::Unknown(Some(why.to_owned()));
    let json: Value = serde_json::from_slice(text).map_err(|_| unknown("it is not JSON"))?;
    let jwks = match json.get("keys") {
        None => vec![json],
        Some(Value::Array(keys)) if !keys.is_empty() => keys.clone(),
        Some(_) => return Err(unknown("\"keys\" is no list of keys")),
    };
    let member = |jwk: Value| match jwk {
        Value::Object(members) => from_members(members, hints),
        _ => Err(unknown("a key is no JSON object")),
    };
    jwks.into_iter().map(member).collect()
}

fn from_members(mut jwk: Map<String, Value>, hints: &KeyHints) -> Result<ClientKey, KeyImportError> {
    if jwk.contains_key("d") || jwk.contains_key("k") {
        return Err(KeyImportError::Private);
    }
    let said = [("alg", hints.algorithm.map(|algorithm| algorithm.name())), ("kid", hints.key_id.as_deref())];
    for (member, expected) in said {
        let Some(expected) = expected else { continue };
        let received = jwk.entry(member).or_insert_with(|| expected.into());
        if received != expected {
            let (expected, received) = (expected.to_owned(), received.to_string());
            return Err(KeyImportError::Contradiction { member, expected, received });
        }
    }
    Ok(ClientKey::from_jwk(&Value::Object(jwk).to_string())?)
}

fn key_in_pem(pem: &[u8], hints: &KeyHints) -> Result<ClientKey, KeyImportError> {
    if PrivateKeyDer::from_pem_slice(pem).is_ok() {
        return Err(KeyImportError::Private);
    }
    let unknown = |_| KeyImportError::Unknown(None);
    let (kind, der) = <(SectionKind, Vec<u8>)>::from_pem_slice(pem).map_err(unknown)?;
    let mut jwk = match kind {
        SectionKind::PublicKey => members(SubjectPublicKeyInfoDer::from(der.as_slice()).as_ref(), hints)?,
        SectionKind::Certificate => {
            let certificate = CertificateDer::from(der);
            let (_, parsed) = X509Certificate::from_der(&certificate)
                .map_err(|error| KeyImportError::Unknown(Some(error.to_string())))?;
            let mut jwk = members(parsed.public_key().raw, hints)?;
            // Some assertions name a certificate instead of a key (RFC 7515 §4.1.7, §4.1.8).
            let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
            jwk.insert("x5t".to_owned(), encoded(sha1.as_ref()).into());
            jwk.insert("x5t#S256".to_owned(), encoded(&sha256(&certificate)).into());
            jwk
        }
        _ => return Err(KeyImportError::Unknown(None)),
    };
    if let Some(key_id) = &hints.key_id {
        jwk.insert("kid".to_owned(), key_id.as_str().into());
    }
    Ok(ClientKey::from_jwk(&Value::Object(jwk).to_string())?)
}

/// The JWK of a SubjectPublicKeyInfo; its `kid` is its thumbprint (RFC 7638).
fn members(spki: &[u8], hints: &KeyHints) -> Result<Map<String, Value>, KeyImportError> {
    const ED25519: &str = "1.3.101.112";
    let unsupported = |what: &str| KeyImportError::Unsupported(what.to_owned());
    let (_, spki) =
        SubjectPublicKeyInfo::from_der(spki).map_err(|error| KeyImportError::Unknown(Some(error.to_string())))?;
    let (key, only) = match spki.parsed() {
        Ok(PublicKey::RSA(key)) => {
            let significant =
                |number: &[u8]| number.iter().copied().skip_while(|octet| *octet == 0).collect::<Vec<_>>();
            (PublicJwk::rsa(&significant(key.modulus), &significant(key.exponent)), None)
        }
        Ok(PublicKey::EC(point)) => match point.data() {
            [4, xy @ ..] if xy.len() == 64 => (PublicJwk::ec("P-256", &xy[..32], &xy[32..]), Some(Algorithm::Es256)),
            [4, xy @ ..] if xy.len() == 96 => (PublicJwk::ec("P-384", &xy[..48], &xy[48..]), Some(Algorithm::Es384)),
            _ => return Err(unsupported("a key on another curve")),
        },
        _ if spki.algorithm.algorithm.to_id_string() == ED25519 => {
            (PublicJwk::ed25519(&spki.subject_public_key.data), Some(Algorithm::EdDsa))
        }
        _ => return Err(unsupported(&format!("a key of algorithm {}", spki.algorithm.algorithm.to_id_string()))),
    };
    let algorithm = match (hints.algorithm, only) {
        (Some(said), Some(only)) if said != only => {
            let (expected, received) = (said.to_string(), only.to_string());
            return Err(KeyImportError::Contradiction { member: "alg", expected, received });
        }
        (said, only) => only.or(said).ok_or(KeyImportError::AlgorithmNeeded)?,
    };
    match serde_json::from_str(&key.to_json(algorithm, &key.thumbprint())) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(KeyImportError::Unknown(None)),
    }
}

fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: KeyHints = KeyHints { algorithm: None, key_id: None };

    fn generated(algorithm: &'static rcgen::SignatureAlgorithm) -> rcgen::KeyPair {
        rcgen::KeyPair::generate_for(algorithm).unwrap()
    }

    #[test]
    fn a_public_key_in_pem_becomes_a_key_that_is_named_by_its_thumbprint() {
        for (algorithm, name) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Algorithm::Es256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Algorithm::Es384),
            (&rcgen::PKCS_ED25519, Algorithm::EdDsa),
        ] {
            let pem = rcgen::PublicKeyData::subject_public_key_info(&generated(algorithm));
            let pem = format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                base64::prelude::BASE64_STANDARD.encode(pem)
            );
            let keys = keys_in(pem.as_bytes(), &NONE).unwrap();
            assert_eq!((keys[0].algorithm(), keys[0].key_id().map(str::len)), (name, Some(43)));
        }
    }

    #[test]
    fn a_certificate_brings_the_thumbprints_by_which_assertions_may_name_it() {
        let key = generated(&rcgen::PKCS_ECDSA_P256_SHA256);
        let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
        let hints = KeyHints { key_id: Some("k1".to_owned()), ..NONE };
        let keys = keys_in(certificate.pem().as_bytes(), &hints).unwrap();
        let jwk: Value = serde_json::from_str(keys[0].as_jwk()).unwrap();
        assert_eq!((jwk["kid"].as_str(), jwk["x5t"].as_str().map(str::len)), (Some("k1"), Some(27)));
        assert_eq!(jwk["x5t#S256"], encoded(&sha256(certificate.der())));
    }

    #[test]
    fn an_rsa_key_needs_its_algorithm() {
        let pem = include_bytes!("../../tests/throwaway_keys/rsa-2048.pem");
        assert_eq!(keys_in(pem, &NONE).unwrap_err(), KeyImportError::Private);
        let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}"#;
        assert_eq!(keys_in(rsa.as_bytes(), &NONE).unwrap_err(), InvalidClientKey::NoAlgorithm.into());
        let hints = KeyHints { algorithm: Some(Algorithm::Rs256), ..NONE };
        assert_eq!(keys_in(rsa.as_bytes(), &hints).unwrap()[0].algorithm(), Algorithm::Rs256);
        let set = format!(r#"{{"keys":[{rsa},{rsa}]}}"#);
        assert_eq!(keys_in(set.as_bytes(), &hints).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_public_key_is_told_so() {
        // R50
        let private = r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}"#;
        let private_key = generated(&rcgen::PKCS_ED25519).serialize_pem();
        for secret in [private, &private_key, r#"{"kty":"oct","k":"AAAA"}"#] {
            assert_eq!(keys_in(secret.as_bytes(), &NONE).unwrap_err(), KeyImportError::Private);
        }
        for text in ["", "hello", "{}", "{\"keys\":[]}", "{\"keys\":[1]}", "{", "-----BEGIN PUBLIC KEY-----\n"] {
            assert!(keys_in(text.as_bytes(), &NONE).is_err(), "{text}");
        }
        let jwk = r#"{"kty":"EC","crv":"P-256","kid":"a","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;
        let hints = KeyHints { algorithm: None, key_id: Some("b".to_owned()) };
        let refusal = keys_in(jwk.as_bytes(), &hints).unwrap_err();
        assert!(matches!(refusal, KeyImportError::Contradiction { member: "kid", .. }), "{refusal}");
    }
}

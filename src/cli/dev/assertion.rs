//! The keys with which demo consumers sign assertions, and the assertions (RFC 7523 §3).

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_verifier::Algorithm;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA512, PublicKeyData, SignatureAlgorithm, SigningKey};
use serde_json::{Map, Value, json};
use x509_parser::der_parser::{ber::BerObject, der::parse_der};

use super::{
    manifest::ConsumerEntry,
    pki::{Pki, write},
};
use crate::{
    clock::UnixTime,
    domain::{ClientKey, PublicJwk},
    random,
};

/// For how long an assertion counts, in seconds.
const LIFETIME: i64 = 60;

/// A private key as files, and its public half.
pub(super) struct KeyFiles {
    pub(super) key: PathBuf,
    pub(super) jwk: PathBuf,
    pub(super) public: ClientKey,
}

impl Pki<'_> {
    /// A new key for one algorithm, ES256 or RS512.
    pub(super) fn assertion_key(&self, file: &str, algorithm: Algorithm, kid: &str) -> anyhow::Result<KeyFiles> {
        let pair = KeyPair::generate_for(kind(algorithm)?)?;
        let (public, private) = members(&pair)?;
        let public = public.to_json(algorithm, kid);
        let mut jwk: Map<String, Value> = serde_json::from_str(&public)?;
        jwk.extend(private.into_iter().map(|(name, octets)| (name.to_owned(), encoded(&octets).into())));
        let files = KeyFiles {
            key: self.directory.join(format!("{file}.key")),
            jwk: self.directory.join(format!("{file}.jwk")),
            public: ClientKey::from_jwk(&public)?,
        };
        write(&files.key, &pair.serialize_pem(), 0o600)?;
        write(&files.jwk, &Value::Object(jwk).to_string(), 0o600)?;
        Ok(files)
    }
}

/// A fresh assertion of a consumer that has a key; none of one that has not.
pub(super) fn assertion(consumer: &ConsumerEntry, now: UnixTime) -> anyhow::Result<Option<String>> {
    let (Some(algorithm), Some(key)) = (consumer.alg, &consumer.key_file) else { return Ok(None) };
    let header = json!({ "alg": algorithm.name(), "typ": "JWT", "kid": consumer.kid });
    let claims = json!({
        "iss": consumer.client_id, "sub": consumer.client_id, "aud": consumer.assertion_audience,
        "jti": random::uuid(), "iat": now.0, "exp": now.plus(LIFETIME).0,
    });
    let signed = format!("{}.{}", encoded(header.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    let pair = KeyPair::from_pem_and_sign_algo(&fs::read_to_string(key)?, kind(algorithm)?)?;
    let mut signature = pair.sign(signed.as_bytes())?;
    if algorithm == Algorithm::Es256 {
        signature = joined(&signature)?;
    }
    Ok(Some(format!("{signed}.{}", encoded(&signature))))
}

fn kind(algorithm: Algorithm) -> anyhow::Result<&'static SignatureAlgorithm> {
    match algorithm {
        Algorithm::Es256 => Ok(&PKCS_ECDSA_P256_SHA256),
        Algorithm::Rs512 => Ok(&PKCS_RSA_SHA512),
        other => bail!("no demo consumer signs with {other}"),
    }
}

/// Members of a JWK: name and octets.
type Members = Vec<(&'static str, Vec<u8>)>;

/// The public half of a key, and the members of its private half (RFC 7518 §6).
fn members(pair: &KeyPair) -> anyhow::Result<(PublicJwk, Members)> {
    // PKCS#8 (RFC 5958 §2): version, algorithm, and the key in its algorithm's own form.
    let pkcs8 = sequence(pair.serialized_der())?;
    let key = sequence(octets(&pkcs8, 2)?)?;
    if let [4, point @ ..] = pair.der_bytes() {
        // RFC 5915 §3: version, private key; the point is uncompressed (SEC 1 §2.3.3).
        let (x, y) = point.split_at(point.len() / 2);
        return Ok((PublicJwk::ec("P-256", x, y), vec![("d", octets(&key, 1)?.to_vec())]));
    }
    // RFC 8017 §A.1.2, in this order behind the version and the public half.
    let number = |at| octets(&key, at).map(unsigned);
    let names = ["d", "p", "q", "dp", "dq", "qi"].into_iter().zip(3..);
    let private = names.map(|(name, at)| Ok((name, number(at)?.to_vec()))).collect::<anyhow::Result<_>>()?;
    Ok((PublicJwk::rsa(number(1)?, number(2)?), private))
}

/// An ECDSA signature on P-256 as JWS wants it: both numbers in full length, joined (RFC 7518 §3.4).
fn joined(der: &[u8]) -> anyhow::Result<Vec<u8>> {
    let numbers = sequence(der)?;
    let mut signature = vec![0; 64];
    for (at, half) in signature.chunks_mut(32).enumerate() {
        let number = unsigned(octets(&numbers, at)?);
        let start = half.len().checked_sub(number.len()).context("a number that is longer than the curve")?;
        half[start..].copy_from_slice(number);
    }
    Ok(signature)
}

fn sequence(der: &[u8]) -> anyhow::Result<Vec<BerObject<'_>>> {
    let (_, object) = parse_der(der)?;
    Ok(object.as_sequence()?.clone())
}

fn octets<'a>(sequence: &[BerObject<'a>], at: usize) -> anyhow::Result<&'a [u8]> {
    Ok(sequence.get(at).context("a key or signature that is too short")?.as_slice()?)
}

/// A number without leading zeros.
fn unsigned(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|&&octet| octet == 0).count()..]
}

fn encoded(octets: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_signature_keep_their_length() {
        let der = [[0x30, 37, 0x02, 1, 7, 0x02, 32].as_slice(), &[0x7f; 32]].concat();
        assert_eq!(joined(&der).unwrap(), [[0; 31].as_slice(), &[7], &[0x7f; 32]].concat());
        assert!(joined(&[0x30, 3, 0x02, 1, 7]).is_err());
    }

    #[test]
    fn the_private_jwk_is_a_key_that_belongs_to_the_public_one() {
        let directory = tempfile::tempdir().unwrap();
        let pki = Pki { directory: directory.path(), now: UnixTime(1_800_000_000) };
        let files = pki.assertion_key("k", Algorithm::Es256, "demo-1").unwrap();
        let jwk: Value = serde_json::from_slice(&fs::read(&files.jwk).unwrap()).unwrap();
        assert_eq!((jwk["kid"].as_str(), jwk["d"].as_str().map(str::len)), (Some("demo-1"), Some(43)));
        assert!(!files.public.as_jwk().contains("\"d\""), "{}", files.public.as_jwk());
        let public: Value = serde_json::from_str(files.public.as_jwk()).unwrap();
        assert_eq!((&public["x"], &public["y"]), (&jwk["x"], &jwk["y"]));
    }
}

//! What an issuer signs with, and what forgers do. For tests, which fail by panicking.
#![expect(clippy::expect_used, reason = "only a system without randomness, or a broken back-end, can fail here")]

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

use backend::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{base64url, crypto};

/// The start of a `SubjectPublicKeyInfo` (RFC 5480) of a P-256 key, up to its point.
const SPKI_OF_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// An ES256 key, which signs as JWS has it (RFC 7518 §3.4) or in DER.
pub(super) struct SigningKey {
    fixed: EcdsaKeyPair,
    der: EcdsaKeyPair,
}

impl SigningKey {
    pub(super) fn generate() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let pkcs8 = pkcs8.expect("a new key");
        let [fixed, der] = [&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P256_SHA256_ASN1_SIGNING]
            .map(|algorithm| read(algorithm, pkcs8.as_ref()));
        Self { fixed, der }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        sign(&self.fixed, message)
    }

    pub(super) fn sign_in_der(&self, message: &[u8]) -> Vec<u8> {
        sign(&self.der, message)
    }

    /// `x` and `y`.
    pub(super) fn coordinates(&self) -> [Vec<u8>; 2] {
        let (x, y) = self.fixed.public_key().as_ref()[1..].split_at(32);
        [x.to_vec(), y.to_vec()]
    }

    pub(super) fn public_pem(&self) -> String {
        let text = STANDARD.encode([&SPKI_OF_P256[..], self.fixed.public_key().as_ref()].concat());
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }
}

#[cfg(feature = "aws-lc-rs")]
fn read(algorithm: &'static EcdsaSigningAlgorithm, pkcs8: &[u8]) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(algorithm, pkcs8).expect("the key that was made")
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn read(algorithm: &'static EcdsaSigningAlgorithm, pkcs8: &[u8]) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()).expect("the key that was made")
}

fn sign(key: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    key.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
}

/// HS256, which no issuer of ours uses.
pub(super) fn hmac_sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

/// 128 random bits.
pub(super) fn random_text() -> String {
    base64url::encode(&crypto::random::<16>().expect("randomness"))
}

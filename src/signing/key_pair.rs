//! A parsed key pair of the crypto back-end; the only place where the back-ends' signing interfaces differ.

use careconnect_verifier::Algorithm;
use x509_parser::{prelude::FromDer, public_key::RSAPublicKey};
use zeroize::Zeroizing;

use super::{
    KeyRejection, PublicJwk, SigningError,
    pkcs8::{self, Pkcs8},
};
use crate::{
    crypto::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
            Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
        },
    },
    random,
};

/// The exponent that all common tools use: 65537.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];
const RSA_FEWEST_BITS: usize = 2048;

/// Private and public half, ready to sign.
pub(super) enum KeyPair {
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl KeyPair {
    /// Reads a PKCS#8 private key for one algorithm, and its public half.
    pub(super) fn parse(algorithm: Algorithm, pkcs8: &[u8]) -> Result<(Self, PublicJwk), KeyRejection> {
        match algorithm {
            Algorithm::Es256 => parse_ec(algorithm, &ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", pkcs8),
            Algorithm::Es384 => parse_ec(algorithm, &ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", pkcs8),
            Algorithm::EdDsa => {
                // "Maybe unchecked", for a key of version 1, which OpenSSL writes, has no public half to check against.
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)
                    .map_err(|rejected| unfit(algorithm, &rejected))?;
                let jwk = PublicJwk::ed25519(pair.public_key().as_ref());
                Ok((Self::Ed25519(pair), jwk))
            }
            Algorithm::Ps256 => parse_rsa(algorithm, &RSA_PSS_SHA256, pkcs8),
            Algorithm::Rs256 => parse_rsa(algorithm, &RSA_PKCS1_SHA256, pkcs8),
            other => Err(KeyRejection::NotForTokens(other)),
        }
    }

    /// Appends the signature of `message` to `signature`, in the form that JWS wants (RFC 7518 §3.4: r and s joined).
    pub(super) fn sign(&self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), SigningError> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(pair) => {
                signature.extend_from_slice(pair.sign(&random, message).map_err(|_| SigningError::NotSigned)?.as_ref());
            }
            Self::Ed25519(pair) => signature.extend_from_slice(pair.sign(message).as_ref()),
            Self::Rsa(pair, encoding) => {
                let start = signature.len();
                signature.resize(start + rsa_modulus_length(pair), 0);
                pair.sign(*encoding, &random, message, &mut signature[start..]).map_err(|_| SigningError::NotSigned)?;
            }
        }
        Ok(())
    }
}

/// A new private key. RSA keys have 2048 bits and are made by aws-lc-rs only.
pub(super) fn generate(algorithm: Algorithm) -> Result<Pkcs8, KeyRejection> {
    match algorithm {
        Algorithm::Es256 => generate_ec(algorithm, &ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => generate_ec(algorithm, &ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::EdDsa => Ok(generate_ed25519()),
        Algorithm::Ps256 | Algorithm::Rs256 => generate_rsa(algorithm),
        other => Err(KeyRejection::NotForTokens(other)),
    }
}

fn parse_ec(
    algorithm: Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
    curve: &str,
    pkcs8: &[u8],
) -> Result<(KeyPair, PublicJwk), KeyRejection> {
    #[cfg(feature = "aws-lc-rs")]
    let parsed = EcdsaKeyPair::from_pkcs8(signing, pkcs8);
    #[cfg(not(feature = "aws-lc-rs"))]
    let parsed = EcdsaKeyPair::from_pkcs8(signing, pkcs8, &SystemRandom::new());
    let pair = parsed.map_err(|rejected| unfit(algorithm, &rejected))?;
    // The point is uncompressed (SEC 1 §2.3.3): 04, x, y.
    let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
    let (x, y) = point.split_at(point.len() / 2);
    let jwk = PublicJwk::ec(curve, x, y);
    Ok((KeyPair::Ec(pair), jwk))
}

fn parse_rsa(
    algorithm: Algorithm,
    encoding: &'static dyn RsaEncoding,
    pkcs8: &[u8],
) -> Result<(KeyPair, PublicJwk), KeyRejection> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|rejected| unfit(algorithm, &rejected))?;
    let (_, public) = RSAPublicKey::from_der(pair.public_key().as_ref())
        .map_err(|_| KeyRejection::unfit(algorithm, "a public half that is no RSA key"))?;
    let (modulus, exponent) = (without_leading_zeros(public.modulus), without_leading_zeros(public.exponent));
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| usize::try_from(byte.leading_zeros()).unwrap_or(0));
    if bits < RSA_FEWEST_BITS {
        return Err(KeyRejection::unfit(algorithm, format!("an RSA key of {bits} bits")));
    }
    if exponent != RSA_EXPONENT {
        let hexadecimal: String = exponent.iter().map(|byte| format!("{byte:02x}")).collect();
        return Err(KeyRejection::unfit(algorithm, format!("an RSA key with the exponent 0x{hexadecimal}")));
    }
    let jwk = PublicJwk::rsa(modulus, exponent);
    Ok((KeyPair::Rsa(pair, encoding), jwk))
}

/// The back-end knows a reason, but not what the key is.
fn unfit(algorithm: Algorithm, rejected: &impl std::fmt::Display) -> KeyRejection {
    KeyRejection::unfit(algorithm, format!("something else ({rejected})"))
}

fn without_leading_zeros(integer: &[u8]) -> &[u8] {
    &integer[integer.iter().take_while(|&&byte| byte == 0).count()..]
}

fn rsa_modulus_length(pair: &RsaKeyPair) -> usize {
    #[cfg(feature = "aws-lc-rs")]
    let length = pair.public_modulus_len();
    #[cfg(not(feature = "aws-lc-rs"))]
    let length = pair.public().modulus_len();
    length
}

fn generate_ec(algorithm: Algorithm, signing: &'static EcdsaSigningAlgorithm) -> Result<Pkcs8, KeyRejection> {
    let document = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new());
    document.map(|der| der.as_ref().to_vec().into()).map_err(|_| KeyRejection::NotMade(algorithm))
}

/// The seed is the key (RFC 8032 §5.1.5). Version 1 of PKCS#8, unlike the back-ends' version 2, is read by every tool.
fn generate_ed25519() -> Pkcs8 {
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(random::bytes());
    let octets = Zeroizing::new([[0x04, 0x20].as_slice(), seed.as_slice()].concat());
    pkcs8::wrap(Algorithm::EdDsa, &octets)
}

#[cfg(feature = "aws-lc-rs")]
fn generate_rsa(algorithm: Algorithm) -> Result<Pkcs8, KeyRejection> {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::KeySize,
    };
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyRejection::NotMade(algorithm))?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyRejection::NotMade(algorithm))?;
    Ok(der.as_ref().to_vec().into())
}

#[cfg(not(feature = "aws-lc-rs"))]
const fn generate_rsa(algorithm: Algorithm) -> Result<Pkcs8, KeyRejection> {
    Err(KeyRejection::NotMade(algorithm))
}

//! The one place that knows which cryptographic library does the work.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("careconnect-verifier needs a crypto back-end: enable the feature `aws-lc-rs` or `ring`");

#[cfg(feature = "tower")]
use backend::rand::{SecureRandom, SystemRandom};
use backend::{
    digest,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
        RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
    },
};

use crate::Algorithm;

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Bits that nobody can guess; none when the system has none to give.
#[cfg(feature = "tower")]
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}

/// A public key made ready for one algorithm.
pub(crate) struct VerifyingKey(imp::Key);

impl VerifyingKey {
    /// `n` and `e` are big-endian without leading zeros. Empty for another family, or when the back-end refuses the key.
    pub(crate) fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        let parameters: &'static RsaParameters = match algorithm {
            Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
        };
        imp::rsa(parameters, n, e).map(Self)
    }

    /// `point` is `04 ‖ x ‖ y` for ECDSA, and the 32 octets of RFC 8032 for Ed25519. Empty for another family, or when
    /// the point is not on the curve (Ed25519 learns that with the first signature).
    pub(crate) fn point(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        let verification: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDsa => &ED25519,
            _ => return None,
        };
        imp::point(algorithm, verification, point).map(Self)
    }

    /// Whether `signature`, in the form of RFC 7518 §3, is this key's over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        imp::verifies(&self.0, message, signature)
    }
}

/// Parses a key once; a verification is then the raw operation.
#[cfg(feature = "aws-lc-rs")]
mod imp {
    use super::{Algorithm, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm, backend};

    pub(super) type Key = backend::signature::ParsedPublicKey;

    pub(super) fn rsa(parameters: &'static RsaParameters, n: &[u8], e: &[u8]) -> Option<Key> {
        RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()
    }

    pub(super) fn point(_: Algorithm, verification: &'static dyn VerificationAlgorithm, point: &[u8]) -> Option<Key> {
        Key::new(verification, point).ok()
    }

    pub(super) fn verifies(key: &Key, message: &[u8], signature: &[u8]) -> bool {
        key.verify_sig(message, signature).is_ok()
    }
}

/// This back-end keeps no parsed form, so it parses with every signature.
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
mod imp {
    use super::{Algorithm, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm, backend};

    use backend::{agreement, rand::SystemRandom, signature::UnparsedPublicKey};

    pub(super) enum Key {
        Rsa(&'static RsaParameters, RsaPublicKeyComponents<Vec<u8>>),
        Point(UnparsedPublicKey<Vec<u8>>),
    }

    pub(super) fn rsa(parameters: &'static RsaParameters, n: &[u8], e: &[u8]) -> Option<Key> {
        Some(Key::Rsa(parameters, RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() }))
    }

    pub(super) fn point(
        algorithm: Algorithm,
        verification: &'static dyn VerificationAlgorithm,
        point: &[u8],
    ) -> Option<Key> {
        let on_curve = match algorithm {
            Algorithm::Es256 => is_on_curve(&agreement::ECDH_P256, point),
            Algorithm::Es384 => is_on_curve(&agreement::ECDH_P384, point),
            _ => true,
        };
        on_curve.then(|| Key::Point(UnparsedPublicKey::new(verification, point.to_vec())))
    }

    /// A key agreement is the one operation of this back-end that judges a point by itself.
    fn is_on_curve(curve: &'static agreement::Algorithm, point: &[u8]) -> bool {
        agreement::EphemeralPrivateKey::generate(curve, &SystemRandom::new()).is_ok_and(|ours| {
            agreement::agree_ephemeral(ours, &agreement::UnparsedPublicKey::new(curve, point), |_| ()).is_ok()
        })
    }

    pub(super) fn verifies(key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key {
            Key::Rsa(parameters, components) => components.verify(parameters, message, signature).is_ok(),
            Key::Point(point) => point.verify(message, signature).is_ok(),
        }
    }
}

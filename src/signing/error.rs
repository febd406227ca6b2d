//! What can be wrong with a key, a key file, or the ring that they form.

use std::{io, path::PathBuf};

use careconnect_verifier::Algorithm;

use super::pkcs11::Pkcs11Error;

/// Why there is no key, or no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// No key of this algorithm is in the ring.
    #[error(
        "there is no {0} signing key: put one there with `careconnect-auth keys import --alg {0} FILE` and start again"
    )]
    KeyMissing(Algorithm),
    /// No key at all, so the key set would be empty.
    #[error("{} holds no signing key", directory.display())]
    NoKeys {
        /// The directory of the key files.
        directory: PathBuf,
    },
    /// A file or directory that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A private key that is not private.
    #[error("{path} has mode {mode:03o}, so others can read this private key; mend it with: chmod 600 '{path}'", path = path.display())]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A directory in which others could put keys of their own.
    #[error("{path} has mode {mode:03o}, so others can replace the keys in it; mend it with: chmod 700 '{path}'", path = path.display())]
    WritableByOthers {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file that holds no usable key.
    #[error("{}: {rejection}", path.display())]
    KeyRejected {
        /// The file.
        path: PathBuf,
        /// Why not.
        rejection: KeyRejection,
    },
    /// A file whose name does not say which key it holds.
    #[error(
        "{}: the name should be {expected}; put keys there with `careconnect-auth keys import`", path.display()
    )]
    NameDiffers {
        /// The file.
        path: PathBuf,
        /// What its content, as far as it is known, asks for.
        expected: String,
    },
    /// One RSA key for two algorithms: its `kid` would stand for both.
    #[error("{} holds the same key, for {algorithm}: each algorithm needs a key of its own", path.display())]
    KeyShared {
        /// The file that has it already.
        path: PathBuf,
        /// What it is for there.
        algorithm: Algorithm,
    },
    /// The crypto back-end did not sign.
    #[error("the crypto back-end did not sign")]
    NotSigned,
    /// A token (PKCS#11) that gives no key, or no signature.
    #[error(transparent)]
    Token(#[from] Pkcs11Error),
    /// Claims that are no JSON.
    #[error("the claims cannot be written as JSON: {0}")]
    Claims(#[from] serde_json::Error),
}

/// Why something is no signing key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRejection {
    /// No private key in PEM.
    #[error("expected an unencrypted private key in PEM (PKCS#8, PKCS#1 or SEC1), received {0}")]
    NotPem(String),
    /// A key, but not for this algorithm.
    #[error("expected {expected} for {algorithm}, received {received}")]
    Unfit {
        /// The algorithm.
        algorithm: Algorithm,
        /// What it takes.
        expected: &'static str,
        /// What came.
        received: String,
    },
    /// An algorithm of client assertions.
    #[error("no token is signed with {0}: expected ES256, RS256, PS256, ES384 or EdDSA")]
    NotForTokens(Algorithm),
    /// This build's crypto back-end makes no such keys.
    #[error("this build cannot make a key for {0}: import one with `careconnect-auth keys import --alg {0} FILE`")]
    NotMade(Algorithm),
}

impl KeyRejection {
    pub(super) fn unfit(algorithm: Algorithm, received: impl Into<String>) -> Self {
        let expected = match algorithm {
            Algorithm::Es256 => "a key on the curve P-256",
            Algorithm::Es384 => "a key on the curve P-384",
            Algorithm::EdDsa => "an Ed25519 key",
            _ => "an RSA key of at least 2048 bits with the public exponent 65537",
        };
        Self::Unfit { algorithm, expected, received: received.into() }
    }
}

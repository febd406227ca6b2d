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
        "no {0} key can sign here now: see `careconnect-auth keys list`, and `careconnect-auth keys import --alg {0} FILE`"
    )]
    KeyMissing(Algorithm),
    /// No key at all, so the key set would be empty.
    #[error("there is no signing key")]
    NoKeys,
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
        "{}: the name should be {expected}; take keys over with `careconnect-auth keys import`", path.display()
    )]
    NameDiffers {
        /// The file.
        path: PathBuf,
        /// What its content, as far as it is known, asks for.
        expected: String,
    },
    /// One RSA key for two algorithms: its `kid` would stand for both.
    #[error("the key {kid} is there already, for {algorithm}: each algorithm needs a key of its own")]
    KeyShared {
        /// Which.
        kid: String,
        /// What it is for there.
        algorithm: Algorithm,
    },
    /// What is no usable key.
    #[error(transparent)]
    Unusable(#[from] KeyRejection),
    /// There is no sealing key where the configuration has it.
    #[error(
        "there is no sealing key at {}, and private keys are sealed with one: put it there (keys.sealing_key_file)", path.display()
    )]
    NoSealingKey {
        /// The file.
        path: PathBuf,
    },
    /// A file that should hold a sealing key holds something else.
    #[error("{} holds no sealing key: expected 32 bytes in base64, as `openssl rand -base64 32` writes them", path.display())]
    SealingKeyMalformed {
        /// The file.
        path: PathBuf,
    },
    /// Sealed under a key that this server does not have.
    #[error(
        "the key {kid} is sealed with the sealing key {sealed_by}, this server has {}: put that one into \
         keys.sealing_key_file, or keys.former_sealing_key_files", known.join(", ")
    )]
    SealedByAnother {
        /// Which.
        kid: String,
        /// The id of the sealing key.
        sealed_by: String,
        /// The ids of those that the server has.
        known: Vec<String>,
    },
    /// What is sealed was changed, or sealed for another key.
    #[error("the sealed private half of {kid} is damaged, or another key's")]
    SealBroken {
        /// Which.
        kid: String,
    },
    /// The crypto back-end did not seal.
    #[error("the crypto back-end did not seal")]
    NotSealed,
    /// A sealed file that a record names is not there.
    #[error(
        "{} is missing: nodes on several machines need keys.store = \"database\", or a directory that they share", path.display()
    )]
    FileMissing {
        /// The file.
        path: PathBuf,
    },
    /// The private half is in a place that the configuration does not have.
    #[error(
        "a private half is kept in {0:?}, which this server's configuration does not have: keep its settings until its keys are gone"
    )]
    NoSuchPlace(&'static str),
    /// The private half is that of another key.
    #[error("expected the private half of {kid}, found that of {found}")]
    AnotherKey {
        /// The record's.
        kid: String,
        /// What was found.
        found: String,
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

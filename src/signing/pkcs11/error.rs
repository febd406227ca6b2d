//! What can be wrong with a token, or with a key in it.

use std::path::PathBuf;

use careconnect_verifier::Algorithm;
use cryptoki::error::{Error, RvError};

use crate::signing::KeyRejection;

/// Why a token gives no key, or no signature. The PIN is in none of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11Error {
    /// No PKCS#11 module.
    #[error("{} is no PKCS#11 module that can be used: {reason}", module.display())]
    Module {
        /// The file.
        module: PathBuf,
        /// What the system or the module says.
        reason: String,
    },
    /// Not exactly one token of this label.
    #[error("expected one token labelled {label:?} in {}, found {found} among: {present}", module.display())]
    Token {
        /// The label asked for.
        label: String,
        /// The module.
        module: PathBuf,
        /// How many have the label.
        found: usize,
        /// The labels of all its tokens.
        present: String,
    },
    /// The token does not let this PIN in.
    #[error(
        "the token {label:?} refused the PIN ({reason:?}); it is not tried again before the next start, because a token \
         locks itself after a few wrong ones"
    )]
    PinRefused {
        /// The token.
        label: String,
        /// The token's reason.
        reason: RvError,
    },
    /// All sessions were in use for too long.
    #[error("all {sessions} sessions of the token {label:?} were in use for {seconds} seconds")]
    Busy {
        /// The token.
        label: String,
        /// How many it grants.
        sessions: usize,
        /// How long that was waited for.
        seconds: u64,
    },
    /// Something else than a handle.
    #[error("expected the CKA_ID of a key in hexadecimal, received {received:?}")]
    NoHandle {
        /// What came.
        received: String,
    },
    /// No key of this handle.
    #[error("the token holds no private key of the right type with the CKA_ID {handle}")]
    KeyGone {
        /// The handle.
        handle: String,
    },
    /// Keys that cannot be told apart.
    #[error("the token holds {found} private keys with the CKA_ID {handle}, expected one")]
    KeyAmbiguous {
        /// The handle.
        handle: String,
        /// How many.
        found: usize,
    },
    /// A private half without a public one.
    #[error("the token holds no public half of the key with the CKA_ID {handle}")]
    PublicHalfGone {
        /// The handle.
        handle: String,
    },
    /// Two halves of two keys.
    #[error("what the private key with the CKA_ID {handle} signs, the public key with that id does not verify")]
    HalvesDiffer {
        /// The handle.
        handle: String,
    },
    /// A private key that the token gives away.
    #[error("the token lets this private key out: expected CKA_SENSITIVE and not CKA_EXTRACTABLE")]
    Readable,
    /// A signature that is none.
    #[error("the token gave a signature of {received} octets for {algorithm}, expected {expected}")]
    SignatureLength {
        /// The algorithm.
        algorithm: Algorithm,
        /// As long as it must be.
        expected: usize,
        /// As long as it was.
        received: usize,
    },
    /// A token's keys are for two algorithms only.
    #[error("keys for {0} are not kept in a token: expected ES256 or RS256")]
    Algorithm(Algorithm),
    /// A key that is not fit for its algorithm.
    #[error(transparent)]
    Unfit(#[from] KeyRejection),
    /// The token failed, or refused.
    #[error("the token failed: {}", describe(.0))]
    Failed(#[from] Error),
}

impl Pkcs11Error {
    /// Might another session do better? So it is when the token was away, or has forgotten this one.
    pub(super) const fn is_of_the_session(&self) -> bool {
        use RvError::*;
        let Self::Failed(Error::Pkcs11(reason, _)) = self else { return false };
        matches!(
            reason,
            CryptokiNotInitialized
                | DeviceError
                | DeviceMemory
                | DeviceRemoved
                | FunctionCanceled
                | FunctionFailed
                | GeneralError
                | OperationActive
                | OperationNotInitialized
                | SessionClosed
                | SessionHandleInvalid
                | SlotIdInvalid
                | TokenNotPresent
                | TokenNotRecognized
                | UnknownErrorCode(_)
                | UserNotLoggedIn
                | VendorDefined(_)
        )
    }
}

/// The function and the name of its return value; the library's own text is a paragraph.
pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::Pkcs11(reason, function) => format!("C_{function:?} gave {reason:?}"),
        other => other.to_string(),
    }
}

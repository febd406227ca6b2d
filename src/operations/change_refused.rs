//! Why a change of the register was refused; nothing was changed then.

use crate::{
    domain::{EntityTag, Fault, Precondition, PreconditionFailed, Registered},
    signing::SigningError,
    storage::StorageError,
};

/// The reasons, for HTTP and for the command line alike.
#[derive(Debug, thiserror::Error)]
pub enum ChangeRefused {
    /// The register knows better, or cannot be reached.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It has changed since its author looked.
    #[error(transparent)]
    Stale(#[from] PreconditionFailed),
    /// What was submitted is wrong, here and there.
    #[error("{}", sentences(.0))]
    Invalid(Vec<Fault>),
    /// It contradicts what is registered.
    #[error("{0}")]
    Conflict(String),
    /// A private key cannot be made, read, kept or destroyed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// Somebody else must do it.
    #[error("{0}")]
    NotAllowed(String),
}

impl ChangeRefused {
    /// One thing that is wrong, at a JSON Pointer.
    pub fn at(pointer: &str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { pointer: pointer.to_owned(), detail: detail.into() }])
    }
}

/// Refuses the change of what its author has not seen as it is.
pub(super) fn check<T: Registered>(expected: &Precondition, current: &T) -> Result<(), ChangeRefused> {
    Ok(expected.check(Some(&EntityTag::of(&current.document())))?)
}

fn sentences(faults: &[Fault]) -> String {
    let sentence = |fault: &Fault| match fault.pointer.as_str() {
        "" => fault.detail.clone(),
        pointer => format!("{}: {}", pointer.trim_start_matches('/'), fault.detail),
    };
    faults.iter().map(sentence).collect::<Vec<_>>().join("; ")
}

//! Suspends and resumes registrations. The change counts everywhere within a second.

use careconnect_verifier::{Asid, ClientId};

use crate::{
    clock::UnixTime,
    domain::RegistrationStatus,
    storage::{Database, StorageError},
};

/// What shall become of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// No more tokens.
    Suspend,
    /// Tokens again.
    Resume,
}

impl StatusChange {
    const fn status(self, now: UnixTime) -> RegistrationStatus {
        match self {
            Self::Suspend => RegistrationStatus::Suspended { at: now },
            Self::Resume => RegistrationStatus::Active,
        }
    }
}

/// Suspends or resumes a consumer; [`StorageError::NotFound`] when there is none.
pub async fn change_consumer_status(
    database: &Database,
    client_id: &ClientId,
    change: StatusChange,
    now: UnixTime,
) -> Result<(), StorageError> {
    database.set_consumer_status(client_id, change.status(now)).await
}

/// Suspends or resumes a provider; [`StorageError::NotFound`] when there is none.
pub async fn change_provider_status(
    database: &Database,
    asid: &Asid,
    change: StatusChange,
    now: UnixTime,
) -> Result<(), StorageError> {
    database.set_provider_status(asid, change.status(now)).await
}

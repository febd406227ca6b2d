//! Suspends and resumes registrations. The change counts everywhere within a second.

use careconnect_verifier::{Asid, ClientId};

use crate::{
    clock::UnixTime,
    domain::{ConsumerStatus, ProviderStatus},
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

/// Suspends or resumes a consumer; [`StorageError::NotFound`] when there is none.
pub async fn change_consumer_status(
    database: &Database,
    client_id: &ClientId,
    change: StatusChange,
    now: UnixTime,
) -> Result<(), StorageError> {
    let status = match change {
        StatusChange::Suspend => ConsumerStatus::Suspended { at: now },
        StatusChange::Resume => ConsumerStatus::Active,
    };
    database.set_consumer_status(client_id, status).await
}

/// Suspends or resumes a provider; [`StorageError::NotFound`] when there is none.
pub async fn change_provider_status(
    database: &Database,
    asid: &Asid,
    change: StatusChange,
    now: UnixTime,
) -> Result<(), StorageError> {
    let status = match change {
        StatusChange::Suspend => ProviderStatus::Suspended { at: now },
        StatusChange::Resume => ProviderStatus::Active,
    };
    database.set_provider_status(asid, status).await
}

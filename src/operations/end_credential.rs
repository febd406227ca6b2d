//! Ends one way in. It counts everywhere within a second.

use careconnect_verifier::ClientId;

use crate::{
    clock::UnixTime,
    domain::CredentialId,
    storage::{Database, StorageError},
};

/// Lets a credential of a consumer count until `end`, which may be past, now or to come; [`StorageError::NotFound`] when
/// there is no such consumer, or no such credential of it.
pub async fn end_credential(
    database: &Database,
    client_id: &ClientId,
    credential: CredentialId,
    end: UnixTime,
    now: UnixTime,
) -> Result<(), StorageError> {
    database.change_credentials(client_id, &[], &[(credential, end)], now).await?;
    tracing::info!(%client_id, credential = %credential.0, %end, "credential ended");
    Ok(())
}

//! Ends one way in. It counts everywhere within a second.

use std::sync::Arc;

use careconnect_verifier::ClientId;

use super::{change_consumer::change_consumer, change_refused::ChangeRefused};
use crate::{
    clock::UnixTime,
    domain::{Act, ConsumerSystem, Credential, CredentialId, Precondition},
    storage::{Database, StorageError},
};

/// Lets a credential of a consumer count until `end`, which may be past, now or to come; [`StorageError::NotFound`] when
/// there is no such consumer, or no such credential of it.
pub async fn end_credential(
    database: &Database,
    client_id: &ClientId,
    credential: CredentialId,
    end: UnixTime,
    act: Act,
) -> Result<ConsumerSystem, ChangeRefused> {
    let edit = |before: &ConsumerSystem| with_end(before, credential, end);
    let after = change_consumer(database, client_id, &Precondition::Any, edit, act).await?;
    tracing::info!(%client_id, credential = %credential.0, %end, "credential ended");
    Ok(after)
}

/// The consumer with another end of one of its credentials.
pub(super) fn with_end(
    before: &ConsumerSystem,
    credential: CredentialId,
    end: UnixTime,
) -> Result<ConsumerSystem, ChangeRefused> {
    let mut after = before.clone();
    let held = after.credentials.iter_mut().find(|held| held.id == credential);
    let held = held.ok_or_else(|| StorageError::not_found("credential", credential.0))?;
    *held = Arc::new(Credential { ends_at: Some(end), ..held.as_ref().clone() });
    Ok(after)
}

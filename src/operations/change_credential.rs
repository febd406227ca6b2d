//! Changes one way in: what people call it, and until when it counts.

use std::sync::Arc;

use careconnect_verifier::ClientId;

use super::{change_consumer::change_consumer, change_refused::ChangeRefused};
use crate::{
    domain::{Act, ConsumerSystem, Credential, CredentialId, EntityTag, Precondition},
    storage::{Database, StorageError},
};

/// Makes of a consumer's credential what `edit` makes of it; [`StorageError::NotFound`] when there is no such consumer, or no
/// such credential of it. What is expected is the state of the credential. What has ended stays so: it may have been stolen.
pub async fn change_credential(
    database: &Database,
    client_id: &ClientId,
    id: CredentialId,
    expected: &Precondition,
    edit: impl FnOnce(&Credential) -> Result<Credential, ChangeRefused> + Send,
    act: Act,
) -> Result<ConsumerSystem, ChangeRefused> {
    let now = act.at;
    let edit = |before: &ConsumerSystem| {
        let mut after = before.clone();
        let held = after.credentials.iter_mut().find(|held| held.id == id);
        let held = held.ok_or_else(|| StorageError::not_found("credential", id.0))?;
        expected.check(Some(&EntityTag::of(&held.document())))?;
        let changed = edit(held)?;
        if let Some(end) = held.ends_at.filter(|end| *end <= now && changed.ends_at != Some(*end)) {
            return Err(ChangeRefused::Conflict(format!("the credential ended at {end}: add a new one")));
        }
        *held = Arc::new(changed);
        Ok(after)
    };
    let after = change_consumer(database, client_id, &Precondition::Any, edit, act).await?;
    tracing::info!(%client_id, credential = %id.0, "credential changed");
    Ok(after)
}

//! Changes a registered consumer: any part of it, suspension and retirement included. It counts everywhere within a second.

use careconnect_verifier::ClientId;

use super::{
    change_refused::{ChangeRefused, check},
    put_consumer::put_consumer,
};
use crate::{
    domain::{Act, ConsumerSystem, Precondition},
    storage::{Change, Database, StorageError},
};

/// Makes of a consumer what `edit` makes of it; [`StorageError::NotFound`] when there is none.
pub async fn change_consumer(
    database: &Database,
    client_id: &ClientId,
    expected: &Precondition,
    edit: impl FnOnce(&ConsumerSystem) -> Result<ConsumerSystem, ChangeRefused> + Send,
    act: Act,
) -> Result<ConsumerSystem, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = changed(&mut change, client_id, expected, edit).await;
    let after = change.finish(outcome).await?;
    tracing::info!(%client_id, status = after.status.name(), "consumer changed");
    Ok(after)
}

async fn changed(
    change: &mut Change,
    client_id: &ClientId,
    expected: &Precondition,
    edit: impl FnOnce(&ConsumerSystem) -> Result<ConsumerSystem, ChangeRefused> + Send,
) -> Result<ConsumerSystem, ChangeRefused> {
    let found = change.consumer(client_id).await?;
    let before = found.ok_or_else(|| StorageError::not_found("consumer", client_id))?;
    check(expected, &before)?;
    let after = edit(&before)?;
    put_consumer(change, Some(&before), &after).await?;
    Ok(after)
}

//! Changes a registered provider: any part of it, its switches included. It counts everywhere within a second.

use careconnect_verifier::Asid;

use super::{
    change_refused::{ChangeRefused, check},
    put_provider::put_provider,
};
use crate::{
    domain::{Act, Precondition, ProviderSystem},
    storage::{Change, Database, StorageError},
};

/// Makes of a provider what `edit` makes of it; [`StorageError::NotFound`] when there is none.
pub async fn change_provider(
    database: &Database,
    asid: &Asid,
    expected: &Precondition,
    edit: impl FnOnce(&ProviderSystem) -> Result<ProviderSystem, ChangeRefused> + Send,
    act: Act,
) -> Result<ProviderSystem, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = changed(&mut change, asid, expected, edit).await;
    let after = change.finish(outcome).await?;
    tracing::info!(%asid, status = after.status.name(), "provider changed");
    Ok(after)
}

async fn changed(
    change: &mut Change,
    asid: &Asid,
    expected: &Precondition,
    edit: impl FnOnce(&ProviderSystem) -> Result<ProviderSystem, ChangeRefused> + Send,
) -> Result<ProviderSystem, ChangeRefused> {
    let found = change.provider(asid).await?;
    let before = found.ok_or_else(|| StorageError::not_found("provider", asid))?;
    check(expected, &before)?;
    let after = edit(&before)?;
    put_provider(change, Some(&before), &after).await?;
    Ok(after)
}

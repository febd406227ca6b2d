//! The rules of every provider registration, new or changed, by whichever way it comes.

use std::collections::BTreeSet;

use super::{
    change_refused::ChangeRefused,
    put_consumer::{refuse_foreign_system, refuse_retired, refuse_secret},
};
use crate::{
    domain::ProviderSystem,
    storage::{Change, StorageError},
};

/// Keeps a new provider, or what became of `before`.
pub(super) async fn put_provider(
    change: &mut Change,
    before: Option<&ProviderSystem>,
    after: &ProviderSystem,
) -> Result<(), ChangeRefused> {
    if before == Some(after) {
        return Ok(());
    }
    refuse_retired(before.map(|before| before.status))?;
    if before.is_none_or(|before| before.name != after.name) {
        refuse_secret("/name", after.name.as_str())?;
    }
    let moved = before.is_none_or(|before| before.ods_code != after.ods_code);
    if moved {
        refuse_foreign_system(change, before, &after.asid, &after.ods_code).await?;
    }
    refuse_unregistered(change, after).await?;
    Ok(change.put_provider(before, after).await?)
}

/// A type that nobody has would admit nobody.
async fn refuse_unregistered(change: &mut Change, provider: &ProviderSystem) -> Result<(), ChangeRefused> {
    let named: BTreeSet<_> = provider.groups.values().flat_map(|honoured| &honoured.organisation_types).collect();
    if named.is_empty() {
        return Ok(());
    }
    let known = change.organisation_types().await?;
    match named.into_iter().find(|kind| !known.iter().any(|definition| definition.code == **kind)) {
        Some(kind) => Err(StorageError::unknown_reference("organisation type", kind).into()),
        None => Ok(()),
    }
}

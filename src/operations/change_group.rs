//! Adds and changes groups; suspended, a group is in no token. It counts everywhere within a second.

use careconnect_verifier::Group;

use super::change_refused::{ChangeRefused, check};
use crate::{
    domain::{Act, GroupDefinition, Precondition},
    storage::{Change, Database, StorageError},
};

/// Adds a group; [`StorageError::AlreadyExists`] when there is one of this name.
pub async fn add_group(database: &Database, definition: &GroupDefinition, act: Act) -> Result<(), ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = change.put_group(None, definition).await;
    change.finish(outcome).await?;
    tracing::info!(group = %definition.group, "group added");
    Ok(())
}

/// Makes of a group what `edit` makes of it; [`StorageError::NotFound`] when there is none.
pub async fn change_group(
    database: &Database,
    group: &Group,
    expected: &Precondition,
    edit: impl FnOnce(&GroupDefinition) -> Result<GroupDefinition, ChangeRefused> + Send,
    act: Act,
) -> Result<GroupDefinition, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = changed(&mut change, group, expected, edit).await;
    let after = change.finish(outcome).await?;
    tracing::warn!(%group, suspended = after.suspended_at.is_some(), "group changed");
    Ok(after)
}

async fn changed(
    change: &mut Change,
    group: &Group,
    expected: &Precondition,
    edit: impl FnOnce(&GroupDefinition) -> Result<GroupDefinition, ChangeRefused> + Send,
) -> Result<GroupDefinition, ChangeRefused> {
    let found = change.groups().await?.into_iter().find(|definition| definition.group == *group);
    let before = found.ok_or_else(|| StorageError::not_found("group", group))?;
    check(expected, &before)?;
    let after = edit(&before)?;
    if after != before {
        change.put_group(Some(&before), &after).await?;
    }
    Ok(after)
}

//! Adds and changes organisation types.

use careconnect_verifier::OrganisationType;

use super::change_refused::{ChangeRefused, check};
use crate::{
    domain::{Act, OrganisationTypeDefinition, Precondition},
    storage::{Change, Database, StorageError},
};

/// Adds an organisation type; [`StorageError::AlreadyExists`] when there is one of this code.
pub async fn add_organisation_type(
    database: &Database,
    definition: &OrganisationTypeDefinition,
    act: Act,
) -> Result<(), ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = change.put_organisation_type(None, definition).await;
    change.finish(outcome).await?;
    tracing::info!(code = %definition.code, "organisation type added");
    Ok(())
}

/// Makes of an organisation type what `edit` makes of it; [`StorageError::NotFound`] when there is none.
pub async fn change_organisation_type(
    database: &Database,
    code: &OrganisationType,
    expected: &Precondition,
    edit: impl FnOnce(&OrganisationTypeDefinition) -> Result<OrganisationTypeDefinition, ChangeRefused> + Send,
    act: Act,
) -> Result<OrganisationTypeDefinition, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = changed(&mut change, code, expected, edit).await;
    change.finish(outcome).await
}

async fn changed(
    change: &mut Change,
    code: &OrganisationType,
    expected: &Precondition,
    edit: impl FnOnce(&OrganisationTypeDefinition) -> Result<OrganisationTypeDefinition, ChangeRefused> + Send,
) -> Result<OrganisationTypeDefinition, ChangeRefused> {
    let found = change.organisation_types().await?.into_iter().find(|definition| definition.code == *code);
    let before = found.ok_or_else(|| StorageError::not_found("organisation type", code))?;
    check(expected, &before)?;
    let after = edit(&before)?;
    if after != before {
        change.put_organisation_type(Some(&before), &after).await?;
    }
    Ok(after)
}

//! Adds and renames organisation types.

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

/// Gives an organisation type another display text; [`StorageError::NotFound`] when there is none.
pub async fn rename_organisation_type(
    database: &Database,
    code: &OrganisationType,
    expected: &Precondition,
    display: String,
    act: Act,
) -> Result<OrganisationTypeDefinition, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = renamed(&mut change, code, expected, display).await;
    change.finish(outcome).await
}

async fn renamed(
    change: &mut Change,
    code: &OrganisationType,
    expected: &Precondition,
    display: String,
) -> Result<OrganisationTypeDefinition, ChangeRefused> {
    let found = change.organisation_types().await?.into_iter().find(|definition| definition.code == *code);
    let before = found.ok_or_else(|| StorageError::not_found("organisation type", code))?;
    check(expected, &before)?;
    let after = OrganisationTypeDefinition { display, ..before.clone() };
    if after != before {
        change.put_organisation_type(Some(&before), &after).await?;
    }
    Ok(after)
}

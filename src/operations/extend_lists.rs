//! Adds to the lists that registrations choose from: groups and organisation types.

use crate::{
    domain::{GroupDefinition, OrganisationTypeDefinition},
    storage::{Database, StorageError},
};

/// Adds a group; [`StorageError::AlreadyExists`] when there is one of this name.
pub async fn add_group(database: &Database, definition: &GroupDefinition) -> Result<(), StorageError> {
    database.insert_group(definition).await?;
    tracing::info!(group = %definition.group, "group added");
    Ok(())
}

/// Adds an organisation type; [`StorageError::AlreadyExists`] when there is one of this code.
pub async fn add_organisation_type(
    database: &Database,
    definition: &OrganisationTypeDefinition,
) -> Result<(), StorageError> {
    database.insert_organisation_type(definition).await?;
    tracing::info!(code = %definition.code, "organisation type added");
    Ok(())
}

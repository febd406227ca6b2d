//! The lists that administrators may extend: groups and organisation types.

use std::fmt::Display;

use careconnect_verifier::{Group, InteractionId, OrganisationType};
use uuid::Uuid;

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
    ordered_merge::Owners,
};
use crate::{
    clock::UnixTime,
    domain::{GroupDefinition, OrganisationTypeDefinition, scope::InvalidScope},
};

pub(super) const GROUPS: [&str; 2] = [
    "SELECT urn, scope, entra_object_id, suspended_at FROM groups WHERE revision > $1 ORDER BY urn",
    "SELECT urn, interaction FROM group_interactions WHERE urn IN (SELECT urn FROM groups WHERE revision > $1) ORDER BY urn",
];
pub(super) const ORGANISATION_TYPES: &str =
    "SELECT code, display FROM organisation_types WHERE revision > $1 ORDER BY code";

/// Reads the groups that changed after a revision.
macro_rules! read_groups {
    ($connection:expr, $revision:expr) => {{
        let mut read = crate::storage::groups::GroupRows::default();
        let [groups, interactions] = crate::storage::groups::GROUPS;
        for_each_row!($connection, groups, $revision, |row| read.group(row));
        read.0.rewind();
        for_each_row!($connection, interactions, $revision, |row| read.interaction(row));
        read.0.into_vec()
    }};
}
/// Reads the organisation types that changed after a revision.
macro_rules! read_organisation_types {
    ($connection:expr, $revision:expr) => {{
        let mut read = Vec::new();
        for_each_row!($connection, crate::storage::groups::ORGANISATION_TYPES, $revision, |row| {
            crate::storage::groups::organisation_type(row).map(|definition| read.push(definition))
        });
        read
    }};
}
pub(super) use {read_groups, read_organisation_types};

impl Database {
    /// All groups in the order of their URNs.
    pub async fn list_groups(&self) -> Result<Vec<GroupDefinition>, StorageError> {
        in_snapshot!(self, |transaction| read_groups!(transaction, 0_i64))
    }

    /// All organisation types in the order of their codes.
    pub async fn list_organisation_types(&self) -> Result<Vec<OrganisationTypeDefinition>, StorageError> {
        in_snapshot!(self, |transaction| read_organisation_types!(transaction, 0_i64))
    }
}

impl Change {
    /// All groups in the order of their URNs.
    pub async fn groups(&mut self) -> Result<Vec<GroupDefinition>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.groups.values().cloned().collect());
        }
        in_change!(self, |connection| Ok(read_groups!(connection, 0_i64)))
    }

    /// All organisation types in the order of their codes.
    pub async fn organisation_types(&mut self) -> Result<Vec<OrganisationTypeDefinition>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.organisation_types.values().cloned().collect());
        }
        in_change!(self, |connection| Ok(read_organisation_types!(connection, 0_i64)))
    }

    /// Keeps a new group, or what became of `before`; [`StorageError::AlreadyExists`] for a known URN or Entra object id.
    pub async fn put_group(
        &mut self,
        before: Option<&GroupDefinition>,
        after: &GroupDefinition,
    ) -> Result<(), StorageError> {
        const INSERT: &str =
            "INSERT INTO groups (scope, entra_object_id, suspended_at, revision, urn) VALUES ($1, $2, $3, $4, $5)";
        const UPDATE: &str =
            "UPDATE groups SET scope = $1, entra_object_id = $2, suspended_at = $3, revision = $4 WHERE urn = $5";
        const INTERACTION: &str = "INSERT INTO group_interactions (urn, interaction) VALUES ($1, $2)";
        let (urn, revision) = (after.group.as_str(), self.revision);
        let object_id = after.entra_object_id.map(|id| id.to_string());
        self.held.as_mut().map_or(Ok(()), |held| held.put_group(before, after))?;
        in_writing!(self, |connection| {
            sqlx::query(if before.is_some() { UPDATE } else { INSERT })
                .bind(after.scope.as_str())
                .bind(&object_id)
                .bind(after.suspended_at.map(|at| at.0))
                .bind(revision)
                .bind(urn)
                .execute(&mut *connection)
                .await
                .map_err(|error| of_insert(error, &after.group, object_id.as_deref()))?;
            let forget = sqlx::query("DELETE FROM group_interactions WHERE urn = $1").bind(urn);
            forget.execute(&mut *connection).await?;
            for interaction in &after.interactions {
                sqlx::query(INTERACTION).bind(urn).bind(interaction.as_str()).execute(&mut *connection).await?;
            }
            Ok(())
        })?;
        self.note(before, after);
        Ok(())
    }

    /// Keeps a new organisation type, or what became of `before`; [`StorageError::AlreadyExists`] for a known code.
    pub async fn put_organisation_type(
        &mut self,
        before: Option<&OrganisationTypeDefinition>,
        after: &OrganisationTypeDefinition,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO organisation_types (display, revision, code) VALUES ($1, $2, $3)";
        const UPDATE: &str = "UPDATE organisation_types SET display = $1, revision = $2 WHERE code = $3";
        let (code, revision) = (&after.code, self.revision);
        self.held.as_mut().map_or(Ok(()), |held| held.put_organisation_type(before, after))?;
        in_writing!(self, |connection| {
            let written = sqlx::query(if before.is_some() { UPDATE } else { INSERT })
                .bind(&after.display)
                .bind(revision)
                .bind(code.as_str())
                .execute(connection)
                .await;
            written.map(|_| ()).map_err(|error| {
                StorageError::of_insert(error, ("organisation type", code), ("organisation type", code))
            })
        })?;
        self.note(before, after);
        Ok(())
    }
}

/// Both databases name the column, or a constraint that has the column's name in it.
fn of_insert(error: sqlx::Error, group: &Group, object_id: Option<&str>) -> StorageError {
    let is_object_id = error.as_database_error().is_some_and(|error| error.message().contains("entra_object_id"));
    let unique: (&str, &dyn Display) = match &object_id {
        Some(id) if is_object_id => ("group with Entra object id", id),
        _ => ("group", group),
    };
    StorageError::of_insert(error, unique, ("group", group))
}

/// Groups while their rows come in.
pub(super) struct GroupRows(pub(super) Owners<GroupDefinition>);

impl Default for GroupRows {
    fn default() -> Self {
        Self(Owners::new("group", |definition| definition.group.as_str()))
    }
}

impl GroupRows {
    pub(super) fn group(&mut self, row: (String, String, Option<String>, Option<i64>)) -> Result<(), StorageError> {
        let (urn, scope, object_id, suspended_at) = row;
        let corrupt = |error: &dyn Display| StorageError::corrupt("group", &urn, error);
        let group = Group::parse(&urn).map_err(|error| corrupt(&error))?;
        let scope = scope.parse().map_err(|error: InvalidScope| corrupt(&error))?;
        let entra_object_id = object_id.map(|id| Uuid::parse_str(&id)).transpose().map_err(|error| corrupt(&error))?;
        let suspended_at = suspended_at.map(UnixTime);
        self.0.push(GroupDefinition { group, scope, interactions: Default::default(), entra_object_id, suspended_at });
        Ok(())
    }

    pub(super) fn interaction(&mut self, (urn, interaction): (String, String)) -> Result<(), StorageError> {
        let interaction =
            InteractionId::parse(&interaction).map_err(|error| StorageError::corrupt("group", &urn, error))?;
        self.0.owner(&urn)?.interactions.insert(interaction);
        Ok(())
    }
}

pub(super) fn organisation_type((code, display): (String, String)) -> Result<OrganisationTypeDefinition, StorageError> {
    let code =
        OrganisationType::parse(&code).map_err(|error| StorageError::corrupt("organisation type", &code, error))?;
    Ok(OrganisationTypeDefinition { code, display })
}

//! What a body may name: the groups and organisation types that are registered.

use std::collections::BTreeSet;

use careconnect_verifier::{Group, OrganisationType};
use serde_json::Value;

use super::problem::Problem;
use crate::{
    domain::{Fields, fields::parsed},
    storage::Database,
};

/// All that is registered. The register looks once more when the change is made; here every name is judged at once.
pub(super) struct Catalogue {
    groups: BTreeSet<Group>,
    organisation_types: BTreeSet<OrganisationType>,
}

impl Catalogue {
    pub(super) async fn of(database: &Database) -> Result<Self, Problem> {
        let (groups, types) = (database.list_groups().await?, database.list_organisation_types().await?);
        Ok(Self {
            groups: groups.into_iter().map(|definition| definition.group).collect(),
            organisation_types: types.into_iter().map(|definition| definition.code).collect(),
        })
    }

    /// Notes each name below `groups` that is not registered. What is no name at all is for others to refuse.
    pub(super) fn check(&self, fields: &mut Fields<'_>, value: &Value) {
        let groups = value.get("groups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, element) in groups.iter().enumerate() {
            let (named, pointer) = match element.get("group") {
                Some(named) => (named, format!("/groups/{index}/group")),
                None => (element, format!("/groups/{index}")),
            };
            if let Some(group) = parsed::<Group>(named).ok().filter(|group| !self.groups.contains(group)) {
                fields.fault_at(pointer, &format!("the group {group} is not registered"));
            }
            let kinds = element.get("organisation_types").and_then(Value::as_array);
            for (position, kind) in kinds.into_iter().flatten().enumerate() {
                let kind = parsed::<OrganisationType>(kind).ok();
                if let Some(kind) = kind.filter(|kind| !self.organisation_types.contains(kind)) {
                    let pointer = format!("/groups/{index}/organisation_types/{position}");
                    fields.fault_at(pointer, &format!("the organisation type {kind} is not registered"));
                }
            }
        }
    }
}

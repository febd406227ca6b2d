//! The lists that administrators may extend: groups and organisation types.

use std::collections::BTreeSet;

use careconnect_verifier::{Group, InteractionId, OrganisationType};
use serde::Serialize;
use uuid::Uuid;

use super::Scope;
use crate::clock::UnixTime;

/// A group with what it means to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupDefinition {
    /// The group.
    pub group: Group,
    /// What it is called in a SMART-style `scope`.
    pub scope: Scope,
    /// The interactions that it permits, each under all its names.
    pub interactions: BTreeSet<InteractionId>,
    /// The object id that stood for it in the original Azure AD tokens; the `entra` claims profile writes that instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entra_object_id: Option<Uuid>,
    /// Since when no token contains it, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<UnixTime>,
}

/// A code of the open organisation type list, with its display text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrganisationTypeDefinition {
    /// The code.
    pub code: OrganisationType,
    /// What people call it.
    pub display: String,
}

//! `careconnect-auth group …`, and groups as arguments of other commands.

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Group, InteractionId};
use clap::Subcommand;
use uuid::Uuid;

use super::{
    output,
    session::{Attempt, Session},
};
use crate::{
    domain::{GroupDefinition, Scope},
    operations::change_group::add_group,
    storage::Database,
};

/// What the Care Connect groups begin with; people may leave it out.
const CARE_CONNECT: &str = "urn:nhs:names:services:careconnect:fhir:rest:";

#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// List the groups, the Care Connect ones by their short names, with their scopes and the interactions that they
    /// permit.
    List,
    /// Add a group.
    Add {
        /// Its URN; `read:slot` would be short for a Care Connect one.
        #[arg(value_parser = group_argument)]
        group: Group,
        /// What it is called in a SMART-style `scope`, such as organization/slot.read.
        #[arg(long)]
        scope: Scope,
        /// An interaction that it permits. Repeatable.
        #[arg(long = "interaction", value_name = "URN", required = true)]
        interactions: Vec<InteractionId>,
        /// The object id that stood for it in the original Azure AD tokens.
        #[arg(long, value_name = "UUID")]
        entra_object_id: Option<Uuid>,
    },
}

pub(super) fn run(command: GroupCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        GroupCommand::List => session.with_database(async |database| list(&database, session).await),
        GroupCommand::Add { group, scope, interactions, entra_object_id } => {
            let interactions = interactions.into_iter().collect();
            let added = GroupDefinition { group, scope, interactions, entra_object_id, suspended_at: None };
            session.changing(Attempt::new("group.add", &added.group), async |database, act| {
                add_group(&database, &added, act).await?;
                let listed = list(&database, session).await;
                listed.with_context(|| format!("group {} is added, but cannot be shown", added.group))
            })
        }
    }
}

async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let groups = database.list_groups().await?;
    if session.json {
        output::json(&groups)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |definition: &GroupDefinition| {
        let interactions: Vec<&str> = definition.interactions.iter().map(|name| name.as_str()).collect();
        vec![short(&definition.group).to_owned(), definition.scope.to_string(), interactions.join(" ")]
    };
    output::table(&["GROUP", "SCOPE", "PERMITS"], &groups.iter().map(row).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

/// A group as people type it.
pub(super) fn group_argument(text: &str) -> Result<Group, String> {
    if text.contains('/') {
        return Err(format!("{text:?} is a scope: name the group that it means, as `group list` shows it"));
    }
    let urn = if text.starts_with("urn:") { text.to_owned() } else { format!("{CARE_CONNECT}{text}") };
    Group::parse(&urn).map_err(|error| error.to_string())
}

/// A group as people read it.
pub(super) fn short(group: &Group) -> &str {
    group.as_str().strip_prefix(CARE_CONNECT).unwrap_or(group.as_str())
}

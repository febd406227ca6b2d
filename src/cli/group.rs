//! `careconnect-auth group …`, and groups as arguments of other commands.

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Group, InteractionId};
use clap::Subcommand;
use uuid::Uuid;

use super::{
    or_none::OrNone,
    output::{self, BadInput},
    session::{Attempt, Session},
    time_argument::brief,
};
use crate::{
    clock::UnixTime,
    domain::{GroupDefinition, Precondition, Registered, Scope},
    operations::change_group::{add_group, change_group},
    storage::Database,
};

/// What the Care Connect groups begin with; people may leave it out.
const CARE_CONNECT: &str = "urn:nhs:names:services:careconnect:fhir:rest:";

#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// List the groups, the Care Connect ones by their short names, with their scopes, whether they are in use, and the
    /// interactions that they permit.
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
    /// Change what a group means to others; what is not named stays as it is.
    Change {
        /// The group, as `group list` has it.
        #[arg(value_parser = group_argument)]
        group: Group,
        /// What it is called in a SMART-style `scope`.
        #[arg(long)]
        scope: Option<Scope>,
        /// An interaction that it permits, instead of those that it has. Repeatable.
        #[arg(long = "interaction", value_name = "URN")]
        interactions: Vec<InteractionId>,
        /// The object id that stood for it in the original Azure AD tokens, or `none`.
        #[arg(long, value_name = "UUID")]
        entra_object_id: Option<OrNone<Uuid>>,
    },
    /// Put a group into no token any more, whoever holds it, within a second.
    Suspend {
        /// The group, as `group list` has it.
        #[arg(value_parser = group_argument)]
        group: Group,
    },
    /// Put a suspended group into tokens again.
    Resume {
        /// The group, as `group list` has it.
        #[arg(value_parser = group_argument)]
        group: Group,
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
        GroupCommand::Change { group, scope, interactions, entra_object_id } => {
            if scope.is_none() && interactions.is_empty() && entra_object_id.is_none() {
                let sentence = "nothing to change: give --scope, --interaction or --entra-object-id";
                return Err(BadInput(sentence.to_owned()).into());
            }
            let edit = |before: &GroupDefinition, _| GroupDefinition {
                scope: scope.clone().unwrap_or_else(|| before.scope.clone()),
                interactions: match interactions.is_empty() {
                    true => before.interactions.clone(),
                    false => interactions.iter().cloned().collect(),
                },
                entra_object_id: OrNone::over(entra_object_id.clone(), before.entra_object_id.as_ref()),
                ..before.clone()
            };
            change("group.change", &group, edit, session)
        }
        GroupCommand::Suspend { group } => {
            let edit = |before: &GroupDefinition, at| {
                let suspended_at = before.suspended_at.or(Some(at));
                GroupDefinition { suspended_at, ..before.clone() }
            };
            change("group.suspend", &group, edit, session)
        }
        GroupCommand::Resume { group } => {
            let edit = |before: &GroupDefinition, _| GroupDefinition { suspended_at: None, ..before.clone() };
            change("group.resume", &group, edit, session)
        }
    }
}

fn change(
    action: &'static str,
    group: &Group,
    edit: impl Fn(&GroupDefinition, UnixTime) -> GroupDefinition + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    session.changing(Attempt::new(action, group), async |database, act| {
        let now = act.at;
        change_group(&database, group, &Precondition::Any, |before| Ok(edit(before, now)), act).await?;
        let listed = list(&database, session).await;
        listed.with_context(|| format!("group {group} is changed, but cannot be shown"))
    })
}

async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let groups = database.list_groups().await?;
    if session.json {
        output::json(&groups.iter().map(Registered::document).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |definition: &GroupDefinition| {
        let interactions: Vec<&str> = definition.interactions.iter().map(|name| name.as_str()).collect();
        let status = definition.suspended_at.map_or("in use".to_owned(), |at| format!("suspended since {}", brief(at)));
        vec![short(&definition.group).to_owned(), definition.scope.to_string(), status, interactions.join(" ")]
    };
    output::table(&["GROUP", "SCOPE", "STATUS", "PERMITS"], &groups.iter().map(row).collect::<Vec<_>>())?;
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

/// Groups as people read them.
pub(super) fn short_list<'a>(groups: impl IntoIterator<Item = &'a Group>) -> String {
    groups.into_iter().map(short).collect::<Vec<_>>().join(" ")
}

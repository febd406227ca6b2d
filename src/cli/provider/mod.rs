//! `careconnect-auth provider …`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::{Asid, Group};
use clap::{Args, Subcommand};

use super::{
    group::group_argument,
    session::{Attempt, Session},
};
use crate::{
    clock::UnixTime,
    domain::{Precondition, ProviderSystem, RegistrationStatus},
    operations::{change_provider::change_provider, change_refused::ChangeRefused},
};

mod change;
mod honour;
mod list;
mod register;
mod show;

#[derive(Debug, Subcommand)]
pub(super) enum ProviderCommand {
    /// Register a FHIR service that accepts tokens.
    Register(register::Registration),
    /// Change what is registered of a provider; what is not named stays as it is.
    Change(change::Changes),
    /// List providers: all, or those that meet everything that is named.
    List(list::Wanted),
    /// Show one provider, with whom it admits for each group.
    Show {
        /// Its accredited system: 12 digits.
        asid: Asid,
    },
    /// Let a provider honour further groups, for everybody.
    Honour(honour::Named),
    /// Let a provider honour groups no longer; whom it admitted for them is forgotten.
    Decline(honour::Named),
    /// Say whom a provider admits for groups that it honours, instead of those whom it admitted before.
    Admit(honour::Admission),
    /// Issue no more tokens for a provider, or none with these groups, within a second.
    Suspend(Switch),
    /// Issue tokens for a suspended provider again, or with these groups again.
    Resume(Switch),
    /// Give a provider up for good: no token is ever issued for it again.
    Retire {
        /// Its accredited system: 12 digits.
        asid: Asid,
    },
}

/// A whole provider, or some of its groups.
#[derive(Debug, Args)]
pub(super) struct Switch {
    /// Its accredited system: 12 digits.
    asid: Asid,
    /// Only this group, of those that it honours. Repeatable.
    #[arg(long = "group", value_name = "GROUP", value_parser = group_argument)]
    groups: Vec<Group>,
}

pub(super) fn run(command: ProviderCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        ProviderCommand::Register(arguments) => register::register(arguments, session),
        ProviderCommand::Change(changes) => change::change(changes, session),
        ProviderCommand::List(wanted) => list::list(wanted, session),
        ProviderCommand::Show { asid } => show::show(&asid, session),
        ProviderCommand::Honour(named) => honour::honour(named, session),
        ProviderCommand::Decline(named) => honour::decline(named, session),
        ProviderCommand::Admit(admission) => honour::admit(admission, session),
        ProviderCommand::Suspend(Switch { asid, groups }) if groups.is_empty() => {
            let status = |before: &ProviderSystem, at| match before.status {
                RegistrationStatus::Active => RegistrationStatus::Suspended { at },
                other => other,
            };
            change_status("provider.suspend", &asid, status, session)
        }
        ProviderCommand::Resume(Switch { asid, groups }) if groups.is_empty() => {
            change_status("provider.resume", &asid, |_, _| RegistrationStatus::Active, session)
        }
        ProviderCommand::Suspend(Switch { asid, groups }) => honour::suspend(&asid, &groups, session),
        ProviderCommand::Resume(Switch { asid, groups }) => honour::resume(&asid, &groups, session),
        ProviderCommand::Retire { asid } => {
            change_status("provider.retire", &asid, |_, at| RegistrationStatus::Retired { at }, session)
        }
    }
}

fn change_status(
    action: &'static str,
    asid: &Asid,
    status: impl Fn(&ProviderSystem, UnixTime) -> RegistrationStatus + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let changed = |before: &ProviderSystem, now| Ok(ProviderSystem { status: status(before, now), ..before.clone() });
    edit(action, asid, changed, session)
}

/// Changes a provider, and shows it.
fn edit(
    action: &'static str,
    asid: &Asid,
    changed: impl Fn(&ProviderSystem, UnixTime) -> Result<ProviderSystem, ChangeRefused> + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    session.changing(Attempt::new(action, asid), async |database, act| {
        let now = act.at;
        let after = change_provider(&database, asid, &Precondition::Any, |before| changed(before, now), act).await?;
        let printed = show::print(&after, session);
        printed.with_context(|| format!("provider {asid} is {}, but cannot be shown", after.status.name()))
    })
}

//! `careconnect-auth provider honour`, `decline` and `admit`, and the switch of one group.

use std::process::ExitCode;

use careconnect_verifier::{Asid, Group, OdsCode, OrganisationType};
use clap::Args;

use super::edit;
use crate::{
    cli::{
        group::{group_argument, short, short_list},
        session::Session,
    },
    clock::UnixTime,
    domain::{HonouredGroup, ProviderSystem},
    operations::change_refused::ChangeRefused,
};

/// Groups of a provider.
#[derive(Debug, Args)]
pub(in crate::cli) struct Named {
    /// The provider's accredited system: 12 digits.
    asid: Asid,
    /// The group, as `group list` has it. Repeatable.
    #[arg(long = "group", value_name = "GROUP", value_parser = group_argument, required = true)]
    groups: Vec<Group>,
}

/// Whom a provider admits for groups. Every list that is given must contain a consumer for it to be admitted.
#[derive(Debug, Args)]
pub(in crate::cli) struct Admission {
    /// The provider's accredited system: 12 digits.
    #[arg(value_name = "ASID")]
    provider: Asid,
    /// The group, as `group list` has it. Repeatable.
    #[arg(long = "group", value_name = "GROUP", value_parser = group_argument, required = true)]
    groups: Vec<Group>,
    /// Admit organisations of this type. Repeatable.
    #[arg(long = "organisation-type", value_name = "TYPE", required_unless_present_any = ["ods_codes", "asids", "everybody"])]
    organisation_types: Vec<OrganisationType>,
    /// Admit this organisation. Repeatable.
    #[arg(long = "ods-code", value_name = "CODE")]
    ods_codes: Vec<OdsCode>,
    /// Admit this accredited system. Repeatable.
    #[arg(long = "asid", value_name = "ASID")]
    asids: Vec<Asid>,
    /// Admit every consumer that holds the group.
    #[arg(long, conflicts_with_all = ["organisation_types", "ods_codes", "asids"])]
    everybody: bool,
}

pub(super) fn honour(Named { asid, groups }: Named, session: &Session) -> anyhow::Result<ExitCode> {
    let changed = |before: &ProviderSystem, _| {
        let mut after = before.clone();
        for group in &groups {
            after.groups.entry(group.clone()).or_default();
        }
        Ok(after)
    };
    edit("provider.honour", &asid, changed, session)
}

pub(super) fn decline(Named { asid, groups }: Named, session: &Session) -> anyhow::Result<ExitCode> {
    let changed = |before: &ProviderSystem, _| {
        let mut after = before.clone();
        for group in &groups {
            after.groups.remove(group).ok_or_else(|| not_honoured(before, group))?;
        }
        Ok(after)
    };
    edit("provider.decline", &asid, changed, session)
}

pub(super) fn admit(admission: Admission, session: &Session) -> anyhow::Result<ExitCode> {
    let Admission { provider, groups, organisation_types, ods_codes, asids, everybody: _ } = admission;
    let admit = |honoured: &mut HonouredGroup, _| {
        honoured.organisation_types = organisation_types.iter().cloned().collect();
        honoured.ods_codes = ods_codes.iter().cloned().collect();
        honoured.asids = asids.iter().cloned().collect();
    };
    edit_groups("provider.admit", &provider, &groups, admit, session)
}

pub(super) fn suspend(asid: &Asid, groups: &[Group], session: &Session) -> anyhow::Result<ExitCode> {
    let suspend = |honoured: &mut HonouredGroup, now| honoured.suspended_at = honoured.suspended_at.or(Some(now));
    edit_groups("provider.suspend", asid, groups, suspend, session)
}

pub(super) fn resume(asid: &Asid, groups: &[Group], session: &Session) -> anyhow::Result<ExitCode> {
    let resume = |honoured: &mut HonouredGroup, _| honoured.suspended_at = None;
    edit_groups("provider.resume", asid, groups, resume, session)
}

fn edit_groups(
    action: &'static str,
    asid: &Asid,
    groups: &[Group],
    edit_one: impl Fn(&mut HonouredGroup, UnixTime) + Send + Sync,
    session: &Session,
) -> anyhow::Result<ExitCode> {
    let changed = |before: &ProviderSystem, now| {
        let mut after = before.clone();
        for group in groups {
            let honoured = after.groups.get_mut(group).ok_or_else(|| not_honoured(before, group))?;
            edit_one(honoured, now);
        }
        Ok(after)
    };
    edit(action, asid, changed, session)
}

fn not_honoured(provider: &ProviderSystem, group: &Group) -> ChangeRefused {
    let sentence = format!(
        "the provider {} does not honour {}: it honours {}; `provider honour` adds a group",
        provider.asid,
        short(group),
        short_list(provider.groups.keys())
    );
    ChangeRefused::Conflict(sentence)
}

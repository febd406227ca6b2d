//! `careconnect-auth provider list`

use std::process::ExitCode;

use careconnect_verifier::{Asid, Group, OdsCode};
use clap::Args;

use crate::{
    cli::{group::group_argument, output, session::Session},
    domain::{ProviderSystem, Registered},
    registry::search::{ProviderFilter, StatusName},
};

/// What shall be listed: what meets everything that is named.
#[derive(Debug, Args)]
pub(in crate::cli) struct Wanted {
    /// Only the one on this accredited system.
    #[arg(long)]
    asid: Option<Asid>,
    /// Only those that this organisation publishes.
    #[arg(long, value_name = "CODE")]
    ods_code: Option<OdsCode>,
    /// Only those that honour this group now.
    #[arg(long, value_parser = group_argument)]
    group: Option<Group>,
    /// Only those that are active, suspended or retired.
    #[arg(long)]
    status: Option<StatusName>,
    /// Only those with this in their name, in upper or lower case.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

pub(super) fn list(wanted: Wanted, session: &Session) -> anyhow::Result<ExitCode> {
    let Wanted { asid, ods_code, group, status, name } = wanted;
    let filter = ProviderFilter { asid, ods_code, group, status, name };
    session.with_database(async |database| {
        let mut providers = database.list_providers().await?;
        providers.retain(|provider| filter.matches(provider));
        if session.json {
            output::json(&providers.iter().map(Registered::document).collect::<Vec<_>>())?;
            return Ok(ExitCode::SUCCESS);
        }
        let row = |provider: &ProviderSystem| {
            vec![
                provider.asid.to_string(),
                output::cut(provider.name.as_str()),
                provider.ods_code.to_string(),
                provider.signing_algorithm.to_string(),
                provider.status.name().to_owned(),
                provider.honoured().count().to_string(),
                provider.service_root.to_string(),
            ]
        };
        let heading = ["ASID", "NAME", "ODS CODE", "SIGNED", "STATUS", "GROUPS", "SERVICE ROOT"];
        output::table(&heading, &providers.iter().map(row).collect::<Vec<_>>())?;
        Ok(ExitCode::SUCCESS)
    })
}

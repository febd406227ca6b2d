//! `careconnect-auth organisation-type …`

use std::process::ExitCode;

use careconnect_verifier::OrganisationType;
use clap::Subcommand;

use super::{output, session::Session};
use crate::{
    domain::{DisplayName, OrganisationTypeDefinition},
    operations::extend_lists::add_organisation_type,
};

#[derive(Debug, Subcommand)]
pub(super) enum OrganisationTypeCommand {
    /// List the types that consumers can be registered with.
    List,
    /// Add a type.
    Add {
        /// Its code, such as `community-pharmacy`.
        code: OrganisationType,
        /// What people call it.
        #[arg(long)]
        display: DisplayName,
    },
}

pub(super) fn run(command: OrganisationTypeCommand, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        if let OrganisationTypeCommand::Add { code, display } = command {
            add_organisation_type(&database, &OrganisationTypeDefinition { code, display: display.to_string() })
                .await?;
        }
        let types = database.list_organisation_types().await?;
        if session.json {
            output::json(&types)?;
        } else {
            let row = |known: &OrganisationTypeDefinition| vec![known.code.to_string(), known.display.clone()];
            output::table(&["CODE", "NAME"], &types.iter().map(row).collect::<Vec<_>>())?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

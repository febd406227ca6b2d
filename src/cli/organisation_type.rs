//! `careconnect-auth organisation-type …`

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::OrganisationType;
use clap::Subcommand;

use super::{
    output,
    session::{Attempt, Session},
};
use crate::{
    domain::{DisplayName, OrganisationTypeDefinition, Precondition},
    operations::change_organisation_type::{add_organisation_type, rename_organisation_type},
    storage::Database,
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
        #[arg(long, value_name = "NAME")]
        display: DisplayName,
    },
    /// Call a type otherwise; its code stays.
    Rename {
        /// Its code, as `organisation-type list` has it.
        code: OrganisationType,
        /// What people shall call it.
        #[arg(long, value_name = "NAME")]
        display: DisplayName,
    },
}

pub(super) fn run(command: OrganisationTypeCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        OrganisationTypeCommand::List => session.with_database(async |database| list(&database, session).await),
        OrganisationTypeCommand::Add { code, display } => {
            let added = OrganisationTypeDefinition { code, display: display.to_string() };
            session.changing(Attempt::new("organisation_type.add", &added.code), async |database, act| {
                add_organisation_type(&database, &added, act).await?;
                let listed = list(&database, session).await;
                listed.with_context(|| format!("organisation type {} is added, but cannot be shown", added.code))
            })
        }
        OrganisationTypeCommand::Rename { code, display } => {
            session.changing(Attempt::new("organisation_type.rename", &code), async |database, act| {
                rename_organisation_type(&database, &code, &Precondition::Any, display.to_string(), act).await?;
                let listed = list(&database, session).await;
                listed.with_context(|| format!("organisation type {code} is renamed, but cannot be shown"))
            })
        }
    }
}

async fn list(database: &Database, session: &Session) -> anyhow::Result<ExitCode> {
    let types = database.list_organisation_types().await?;
    if session.json {
        output::json(&types)?;
    } else {
        let row = |known: &OrganisationTypeDefinition| vec![known.code.to_string(), known.display.clone()];
        output::table(&["CODE", "NAME"], &types.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}

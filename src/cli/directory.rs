//! `careconnect-auth directory`: what the Spine Directory Service says.

use std::process::ExitCode;

use anyhow::Context;
use careconnect_verifier::Asid;
use clap::Subcommand;

use super::{
    output,
    session::{Session, block_on},
};
use crate::directory::{Directory, DirectoryEndpoint, DirectorySystem};

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// Show what the directory knows of a system: who owns it, who made it, what it may do, and where it can be asked. Exit
    /// code 1: it knows no such system; 2: there is no directory, or no answer.
    Lookup {
        /// The accredited system identifier: 12 digits.
        asid: Asid,
    },
}

pub(super) fn run(command: DirectoryCommand, session: &Session) -> anyhow::Result<ExitCode> {
    let DirectoryCommand::Lookup { asid } = command;
    let directory = Directory::open(&session.load_config()?.config.directory)?;
    let found = block_on(async {
        directory.find_system(&asid).await.with_context(|| format!("`directory.url` is {}", directory.url()))
    })?;
    let Some(system) = found else {
        output::note(&format!("{} has no system of the ASID {asid}", directory.url()));
        return Ok(ExitCode::from(output::REFUSED));
    };
    if session.json {
        output::json(&system)?;
    } else {
        output::fields(&fields(&system))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is not known is left out.
fn fields(system: &DirectorySystem) -> Vec<(&'static str, String)> {
    let owned = |text: &Option<String>| text.clone();
    let single = [
        ("asid", Some(system.asid.to_string())),
        ("ods_code", system.ods_code.as_ref().map(ToString::to_string)),
        ("party_key", owned(&system.party_key)),
        ("manufacturer", system.manufacturer.as_ref().map(ToString::to_string)),
        ("product", owned(&system.product)),
        ("product_key", owned(&system.product_key)),
        ("version", owned(&system.version)),
    ];
    let single = single.into_iter().filter_map(|(name, value)| Some((name, crate::telemetry::legible(&value?))));
    let clients = system.client_ods_codes.iter().map(|code| ("client", code.to_string()));
    let interactions = system.interactions.iter().map(|interaction| ("interaction", interaction.to_string()));
    let endpoints = system.endpoints.iter().map(|endpoint| ("endpoint", described(endpoint)));
    let problems = system.problems.iter().map(|problem| ("problem", problem.clone()));
    single.chain(clients).chain(interactions).chain(endpoints).chain(problems).collect()
}

fn described(endpoint: &DirectoryEndpoint) -> String {
    let address = endpoint.address.as_deref().unwrap_or("no address");
    let name = endpoint.fqdn.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{} at {address}{name}", endpoint.interaction)
}

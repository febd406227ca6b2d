//! `careconnect-auth directory`: what the Spine Directory Service says.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use careconnect_verifier::Asid;
use clap::Subcommand;

use super::{
    output,
    session::{Session, block_on},
};
use crate::{
    clock::SystemClock,
    directory::{Directory, DirectoryEndpoint, DirectorySystem},
    domain::Drift,
    operations::{compare_with_directory::compare_with_directory, suspend_drifted::suspend_drifted},
    registry::Registry,
    telemetry::legible,
};

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// Show what the directory knows of a system: who owns it, who made it, what it may do, and where it can be asked. Exit
    /// code 1: it knows no such system; 2: there is no directory, or no answer.
    Lookup {
        /// The accredited system identifier: 12 digits.
        asid: Asid,
    },
    /// Hold the register against the directory. Exit code 1: it contradicts something; 2: there is no directory, or no answer.
    Check {
        /// Suspend what the directory contradicts, whatever `directory.on_drift` says.
        #[arg(long)]
        suspend: bool,
    },
}

pub(super) fn run(command: DirectoryCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        DirectoryCommand::Lookup { asid } => look_up(&asid, session),
        DirectoryCommand::Check { suspend } => check(suspend, session),
    }
}

fn check(suspend: bool, session: &Session) -> anyhow::Result<ExitCode> {
    let settings = session.load_config()?.config.directory;
    let directory = Directory::open(&settings)?;
    let act = session.act()?;
    session.with_database(async |database| {
        let registry = Arc::new(Registry::load(database.clone(), Arc::new(SystemClock)).await?);
        let most = settings.suspend_at_most.get();
        let compared = compare_with_directory(&registry, &directory, most, act.at).await;
        let mut comparison = compared.with_context(|| format!("`directory.url` is {}", directory.url()))?;
        let outcome = if suspend { suspend_drifted(&database, &mut comparison, &act).await } else { Ok(()) };
        if session.json {
            output::json(&comparison.document())?;
        } else {
            comparison.drifts.iter().try_for_each(|drift| output::line(&sentence(drift)))?;
        }
        if let Some(doubt) = &comparison.doubt {
            output::note(&format!("{} is not believed: {doubt}", directory.url()));
        }
        outcome?;
        output::note(&format!("{} systems are compared, {} drifts", comparison.systems, comparison.drifts.len()));
        Ok(if comparison.drifts.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(output::REFUSED) })
    })
}

fn sentence(drift: &Drift) -> String {
    let Drift { kind, subject, identifier, name, suspended, .. } = drift;
    let suspended = if *suspended { " (suspended)" } else { "" };
    legible(&format!("{}  {subject} {identifier} ({name}): {drift}{suspended}", kind.name()))
}

fn look_up(asid: &Asid, session: &Session) -> anyhow::Result<ExitCode> {
    let directory = Directory::open(&session.load_config()?.config.directory)?;
    let found = block_on(async {
        directory.find_system(asid).await.with_context(|| format!("`directory.url` is {}", directory.url()))
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
    let single = single.into_iter().filter_map(|(name, value)| Some((name, legible(&value?))));
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

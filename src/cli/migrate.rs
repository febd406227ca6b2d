//! `careconnect-auth migrate`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    output,
    session::{Session, block_on},
};
use crate::{
    config::LoadedConfig,
    storage::{Database, DatabaseSettings, StorageError},
};

mod status;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct MigrateArguments {
    /// Only say what would be applied; exit code 0 if it can be.
    #[arg(long)]
    dry_run: bool,
    #[command(subcommand)]
    question: Option<Question>,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// Say which migrations the database has, and since when; exit code 0 if it is as this release needs it, else 1.
    Status,
}

pub(super) fn run(arguments: &MigrateArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let loaded = session.load_config()?;
    match arguments {
        MigrateArguments { question: Some(Question::Status), .. } => status::run(&loaded, session.json),
        MigrateArguments { dry_run: true, .. } => rehearse(&loaded, session.json),
        _ => migrate(&loaded, session.json),
    }
}

fn migrate(loaded: &LoadedConfig, as_json: bool) -> anyhow::Result<ExitCode> {
    let settings = DatabaseSettings::from(&loaded.config.database);
    let url = &settings.url;
    let (made, applied) = block_on(async {
        let (database, made) = match Database::open(&settings).await {
            Err(StorageError::NoSuchFile(file)) => {
                let creating = DatabaseSettings { create_if_missing: true, ..settings.clone() };
                (Database::open(&creating).await?, Some(file))
            }
            opened => (opened?, None),
        };
        Ok((made, database.migrate().await?))
    })?;
    if let (Some(file), Some(sentence)) = (&made, loaded.lacks_file()) {
        output::note(&format!("{sentence}; a new database was made at {}", file.display()));
    }
    let done = "the database is up to date, but that cannot be said";
    if as_json {
        output::json(&json!({ "made": made, "applied": applied })).context(done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut said = Vec::new();
    match &made {
        Some(file) => said.push(format!("Made a new database: {}", file.display())),
        None if applied.is_empty() => said.push(format!("{url} is up to date.")),
        None => {}
    }
    if !applied.is_empty() {
        said.push(format!("Applied to {url}: {}", applied.join(", ")));
    }
    output::line(&said.join("\n")).context(done)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes nothing, not even a file.
fn rehearse(loaded: &LoadedConfig, as_json: bool) -> anyhow::Result<ExitCode> {
    let settings = DatabaseSettings::from(&loaded.config.database);
    let (missing, pending): (Option<PathBuf>, Vec<String>) = block_on(async {
        Ok(match Database::open(&settings).await {
            Err(StorageError::NoSuchFile(file)) => (Some(file), Database::all_migrations()),
            opened => (None, opened?.pending_migrations().await?),
        })
    })?;
    let files: Vec<String> = pending.iter().map(|name| format!("migrations/{name}.sql")).collect();
    if as_json {
        output::json(&json!({ "would_make": missing, "would_apply": files }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(file) = &missing {
        output::line(&format!("Would make a new database: {}", file.display()))?;
    }
    match files.as_slice() {
        [] => output::line(&format!("{} is up to date: nothing would be applied.", settings.url))?,
        files => output::line(&format!("Would apply to {}:\n  {}", settings.url, files.join("\n  ")))?,
    }
    Ok(ExitCode::SUCCESS)
}

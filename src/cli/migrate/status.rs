//! `careconnect-auth migrate status`

use std::process::ExitCode;

use serde_json::json;

use crate::{
    cli::{output, session::block_on},
    config::LoadedConfig,
    storage::{Database, DatabaseSettings, MigrationState, MigrationStatus},
};

pub(super) fn run(loaded: &LoadedConfig, as_json: bool) -> anyhow::Result<ExitCode> {
    let settings = DatabaseSettings::from(&loaded.config.database);
    let all = block_on(async { Ok(Database::open(&settings).await?.migration_status().await?) })?;
    if as_json {
        output::json(&all.iter().map(document).collect::<Vec<_>>())?;
    } else {
        let rows: Vec<_> = all.iter().map(row).collect();
        output::table(&["MIGRATION", "STATE", "APPLIED AT"], &rows)?;
    }
    let is_current = all.iter().all(|migration| migration.state == MigrationState::Applied);
    Ok(ExitCode::from(if is_current { 0 } else { output::REFUSED }))
}

fn document(migration: &MigrationStatus) -> serde_json::Value {
    json!({
        "version": migration.version,
        "file": migration.file(),
        "state": word(migration.state),
        "applied_at": migration.applied_at.map(|at| at.to_string()),
    })
}

fn row(migration: &MigrationStatus) -> Vec<String> {
    let at = migration.applied_at.map(|at| at.to_string()).unwrap_or_default();
    vec![migration.file(), word(migration.state).to_owned(), at]
}

const fn word(state: MigrationState) -> &'static str {
    match state {
        MigrationState::Applied => "applied",
        MigrationState::Pending => "pending",
        MigrationState::Unknown => "unknown",
        MigrationState::Different => "different",
        MigrationState::Failed => "failed",
    }
}

//! `careconnect-auth migrate`

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;

use super::{
    output,
    session::{Session, block_on},
};
use crate::storage::{Database, DatabaseSettings, StorageError};

pub(super) fn run(session: &Session) -> anyhow::Result<ExitCode> {
    let loaded = session.load_config()?;
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
    if session.json {
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

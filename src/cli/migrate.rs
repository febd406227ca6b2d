//! `careconnect-auth migrate`

use std::process::ExitCode;

use super::{output, session::Session};
use crate::storage::{Database, DatabaseSettings};

pub(super) fn run(session: &Session) -> anyhow::Result<ExitCode> {
    let config = session.load_config()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let settings = DatabaseSettings { create_if_missing: true, ..(&config.database).into() };
        let database = Database::open(&settings).await?;
        let applied = database.migrate().await?;
        if session.json {
            output::json(&serde_json::json!({ "applied": applied }))?;
        } else if applied.is_empty() {
            output::line(&format!("{} is up to date.", config.database.url))?;
        } else {
            output::line(&format!("Applied to {}: {}", config.database.url, applied.join(", ")))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

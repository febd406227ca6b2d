//! `careconnect-auth backup`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::{output, session::Session};

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// Where the copy goes; a file that exists is not overwritten.
    file: PathBuf,
}

pub(super) fn run(BackupArguments { file }: BackupArguments, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        let bytes = database.back_up(&file).await?;
        let revision = database.revision().await?;
        let done = || format!("the backup is at {}, but that cannot be said", file.display());
        if session.json {
            output::json(&json!({ "file": file, "bytes": bytes, "revision_now": revision })).with_context(done)?;
        } else {
            output::line(&format!("Backed up to {}: {bytes} bytes", file.display())).with_context(done)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

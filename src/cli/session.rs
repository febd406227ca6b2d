//! What every command that touches the register begins with.

use std::{future::Future, path::PathBuf, process::ExitCode};

use crate::{
    clock::{Clock, SystemClock, UnixTime},
    config::Config,
    storage::Database,
};

/// The options that all commands share.
pub(super) struct Session {
    pub(super) config_file: Option<PathBuf>,
    pub(super) json: bool,
}

impl Session {
    pub(super) fn load_config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config_file.as_deref())?)
    }

    /// Runs `work` on the configured database, whose schema must be up to date.
    pub(super) fn with_database<F>(&self, work: impl FnOnce(Database) -> F) -> anyhow::Result<ExitCode>
    where
        F: Future<Output = anyhow::Result<ExitCode>>,
    {
        let config = self.load_config()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let database = Database::open(&(&config.database).into()).await?;
            database.require_current_schema().await?;
            work(database).await
        })
    }

    #[expect(clippy::unused_self, reason = "the session stands for the process, whose clock this is")]
    pub(super) fn now(&self) -> UnixTime {
        SystemClock.now()
    }
}

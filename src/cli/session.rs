//! What every command that touches the register begins with.

use std::{future::Future, path::PathBuf, process::ExitCode};

use anyhow::Error;

use super::examination::open_database;
use crate::{
    clock::{Clock, SystemClock, UnixTime},
    config::{ConfigError, LoadedConfig},
    storage::{Database, StorageError},
};

/// The options that all commands share.
pub(super) struct Session {
    pub(super) config_file: Option<PathBuf>,
    pub(super) json: bool,
}

impl Session {
    pub(super) fn load_config(&self) -> Result<LoadedConfig, ConfigError> {
        LoadedConfig::load(self.config_file.as_deref())
    }

    /// Runs `work` on the configured database, whose schema must be up to date.
    pub(super) fn with_database<F>(&self, work: impl FnOnce(Database) -> F) -> anyhow::Result<ExitCode>
    where
        F: Future<Output = anyhow::Result<ExitCode>>,
    {
        let loaded = self.load_config()?;
        block_on(async { work(configured_database(&loaded).await?).await })
    }

    #[expect(clippy::unused_self, reason = "the session stands for the process, whose clock this is")]
    pub(super) fn now(&self) -> UnixTime {
        SystemClock.now()
    }
}

/// The database that `loaded` names, whose schema must be up to date.
pub(super) async fn configured_database(loaded: &LoadedConfig) -> anyhow::Result<Database> {
    open_database(&loaded.config).await.map_err(|error| match loaded.lacks_file() {
        Some(sentence) if matches!(error, StorageError::NoSuchFile(_)) => Error::new(error).context(sentence),
        _ => error.into(),
    })
}

/// Runs `work` on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

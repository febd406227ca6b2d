//! What every command that touches the register begins with.

use std::{future::Future, path::PathBuf, process::ExitCode};

use anyhow::Error;

use super::{examination::open_database, operator};
use crate::{
    clock::{Clock, SystemClock, UnixTime},
    config::{ConfigError, LoadedConfig},
    domain::{Act, AuditRecord},
    operations::change_refused::ChangeRefused,
    storage::{Database, StorageError},
};

/// The options that all commands share.
pub(super) struct Session {
    pub(super) config_file: Option<PathBuf>,
    pub(super) json: bool,
    /// Why something is changed.
    pub(super) reason: Option<String>,
}

/// What a command is about to do, for the audit if it is refused.
pub(super) struct Attempt {
    /// `consumer.suspend`
    pub(super) action: &'static str,
    /// To what, as far as it has a name already.
    pub(super) identifier: String,
}

impl Attempt {
    pub(super) fn new(action: &'static str, identifier: impl ToString) -> Self {
        Self { action, identifier: identifier.to_string() }
    }
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

    /// As [`Self::with_database`], on the word of whoever runs the command. What is refused is kept in the audit, too.
    pub(super) fn changing<F>(
        &self,
        attempt: Attempt,
        work: impl FnOnce(Database, Act) -> F,
    ) -> anyhow::Result<ExitCode>
    where
        F: Future<Output = anyhow::Result<ExitCode>>,
    {
        let act = self.act()?;
        self.with_database(async |database| {
            let outcome = work(database.clone(), act.clone()).await;
            if let Some(refused) = outcome.as_ref().err().and_then(|error| error.downcast_ref::<ChangeRefused>()) {
                let (subject, _) = attempt.action.split_once('.').unwrap_or_default();
                let sentence = refused.to_string();
                let record = AuditRecord::refused(&act, attempt.action, subject, attempt.identifier, sentence);
                database.record_refusal(act, record).await?;
            }
            outcome
        })
    }

    /// On the word of whoever runs the command.
    pub(super) fn act(&self) -> anyhow::Result<Act> {
        Ok(Act {
            actor: operator::actor(),
            at: self.now(),
            reason: self.reason.clone(),
            trace_id: None,
            four_eyes: self.load_config()?.config.admin.four_eyes,
            repeatable: None,
        })
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

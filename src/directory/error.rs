use std::{path::PathBuf, time::Duration};

/// Why the directory gave no answer. No sentence holds a secret; what the directory itself said is made legible.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is none.
    #[error("no directory is configured: expected `directory.url`")]
    NotConfigured,
    /// A file of the configuration is of no use.
    #[error("`{key}` names {}, which is of no use: {problem}", file.display())]
    File {
        /// Which key.
        key: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// TLS cannot be set up here.
    #[error("TLS to the directory cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// There is no connection, or it broke off.
    #[error("the directory cannot be reached: {0}")]
    Unreachable(String),
    /// It took longer than `directory.timeout_seconds`.
    #[error("the directory is slow: {doing} took longer than {} s (`directory.timeout_seconds`)", limit.as_secs())]
    Slow {
        /// What was under way.
        doing: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// Its certificate is not one of `directory.url`, by `directory.ca_files`.
    #[error("the certificate of the directory is not accepted: {0}")]
    Untrusted(String),
    /// It does not want us.
    #[error("the directory refuses: {0}")]
    Refused(String),
    /// It is no directory of this shape, or breaks the protocol or a limit.
    #[error("the directory's answer is odd: {0}")]
    Odd(String),
}

impl DirectoryError {
    pub(super) fn odd(what: impl Into<String>) -> Self {
        Self::Odd(what.into())
    }
}

//! What can go wrong with the database; never with SQL, a secret or the database's URL in it (R55).

use std::{fmt::Display, path::PathBuf};

use sqlx::{
    error::{DatabaseError, ErrorKind},
    migrate::MigrateError,
};

/// Why the database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The settings name no database that can be opened.
    #[error("the database settings are wrong: {0}")]
    Settings(&'static str),
    /// There is no such SQLite file; only a migration makes one.
    #[error("there is no database at {}: run `careconnect-auth migrate`, or correct database.url", .0.display())]
    NoSuchFile(PathBuf),
    /// It cannot be reached, or cannot work; trying again later may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// What must be unique is there already; nothing was written.
    #[error("{what} {name:?} is already registered")]
    AlreadyExists {
        /// What kind of thing.
        what: &'static str,
        /// By which name.
        name: String,
    },
    /// There is nothing of that name; nothing was written.
    #[error("{what} {name:?} is not registered")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// By which name.
        name: String,
    },
    /// A registration names a group or organisation type that is not registered; nothing was written.
    #[error("{what} {name:?} is not registered: `careconnect-auth {} list` shows those that are", what.replace(' ', "-"))]
    UnknownReference {
        /// What kind of thing.
        what: &'static str,
        /// By which name.
        name: String,
    },
    /// The same request was carried out before.
    #[error("the request was carried out before: record {sequence} of the audit says what was done")]
    Repeated {
        /// The first record of what was done.
        sequence: i64,
    },
    /// Another request bore the same idempotency key.
    #[error("another request bore this idempotency key within a day: choose a new one")]
    KeyTaken,
    /// The schema lacks migrations.
    #[error("the database lacks migrations: {}; run `careconnect-auth migrate`", .0.join(", "))]
    MigrationsPending(Vec<String>),
    /// The schema was made by a newer release.
    #[error(
        "the database is at migration {version}, this release knows {known} at most: a newer release made it, so run that one"
    )]
    SchemaTooNew {
        /// The newest migration of the database.
        version: i64,
        /// The newest migration of this release.
        known: i64,
    },
    /// The schema is not the one that this release made.
    #[error("the database's schema is not this release's: {0}")]
    Schema(String),
    /// A row holds what no release of this program writes.
    #[error("the database holds {what} {name:?} that cannot be understood: {reason}")]
    Corrupt {
        /// What kind of thing.
        what: &'static str,
        /// By which name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StorageError {
    /// There is no `what` of that name.
    pub fn not_found(what: &'static str, name: impl Display) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }

    /// Something names a `what` that is not registered.
    pub fn unknown_reference(what: &'static str, name: impl Display) -> Self {
        Self::UnknownReference { what, name: name.to_string() }
    }

    /// May trying again later help?
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(super) fn corrupt(what: &'static str, name: impl Display, reason: impl Display) -> Self {
        Self::Corrupt { what, name: name.to_string(), reason: reason.to_string() }
    }

    /// The error of an INSERT of `unique` that refers to `reference` and to nothing else that could be missing.
    pub(super) fn of_insert(
        error: sqlx::Error,
        unique: (&'static str, &dyn Display),
        reference: (&'static str, &dyn Display),
    ) -> Self {
        match error.as_database_error().map(DatabaseError::kind) {
            Some(ErrorKind::UniqueViolation) => {
                let (what, name) = unique;
                Self::AlreadyExists { what, name: name.to_string() }
            }
            Some(ErrorKind::ForeignKeyViolation) => {
                let (what, name) = reference;
                Self::unknown_reference(what, name)
            }
            _ => error.into(),
        }
    }
}

/// Does the database say that a table or a column is missing?
pub(super) fn is_schema_mismatch(error: &dyn DatabaseError) -> bool {
    let missing = ["no such table", "no such column"].iter().any(|words| error.message().contains(words));
    missing || matches!(error.code().as_deref(), Some("42P01" | "42703"))
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) if is_schema_mismatch(error.as_ref()) => {
                Self::Schema(error.message().to_owned())
            }
            sqlx::Error::Database(error) => Self::Unavailable(error.message().to_owned()),
            sqlx::Error::ColumnDecode { index, source } => Self::corrupt("a row with column", index, source),
            sqlx::Error::PoolTimedOut => Self::Unavailable(
                "no connection became available in time: is it running where database.url says?".to_owned(),
            ),
            sqlx::Error::Configuration(_) => Self::Settings("the driver does not accept them"),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<MigrateError> for StorageError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => error.into(),
            MigrateError::ExecuteMigration(error, version) => {
                Self::Schema(format!("migration {version} failed: {}", Self::from(error)))
            }
            other => Self::Schema(other.to_string()),
        }
    }
}

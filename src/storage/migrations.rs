//! The schema's versions, embedded in the binary.

use sqlx::{
    Connection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

use super::{
    Database, StorageError,
    connection::{LONG, SHORT},
    error::is_schema_mismatch,
};
use crate::clock::UnixTime;

macro_rules! files {
    ($($version:literal $description:literal $file:literal;)*) => {
        const FILES: &[(i64, &str, &str)] =
            &[$(($version, $description, include_str!(concat!("../../migrations/", $file)))),*];
        #[cfg(test)]
        const NAMES: &[&str] = &[$($file),*];
    };
}

files! {
    1 "groups" "0001_groups.sql";
    2 "consumers" "0002_consumers.sql";
    3 "providers" "0003_providers.sql";
    4 "credentials" "0004_credentials.sql";
    5 "assertion_ids" "0005_assertion_ids.sql";
    6 "assurances" "0006_assurances.sql";
    7 "audit" "0007_audit.sql";
    8 "signing_keys" "0008_signing_keys.sql";
    9 "provider_certificates" "0009_provider_certificates.sql";
    10 "revoked_tokens" "0010_revoked_tokens.sql";
    11 "forgotten_assertions" "0011_forgotten_assertions.sql";
    12 "key_set_fetches" "0012_key_set_fetches.sql";
}

/// A row of the migrator's own table.
struct Applied {
    version: i64,
    description: String,
    checksum: Vec<u8>,
    success: bool,
    at: UnixTime,
}

impl Applied {
    fn of((version, description, checksum, success, at): (i64, String, Vec<u8>, bool, i64)) -> Self {
        Self { version, description, checksum, success, at: UnixTime(at) }
    }
}

fn migrator() -> Migrator {
    let migration = |(version, description, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*description).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.iter().map(migration).collect())
}

/// One of the schema's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: i64,
    /// What it brings; of one that this release does not know, what its own release called it.
    pub description: String,
    /// Whether the database has it.
    pub state: MigrationState,
    /// When it was applied, by the database's clock.
    pub applied_at: Option<UnixTime>,
}

/// Whether a database has a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// It has.
    Applied,
    /// Not yet.
    Pending,
    /// It has one that this release does not know: a newer one made it.
    Unknown,
    /// It has another of that number.
    Different,
    /// It was begun and did not end; only PostgreSQL outside of a transaction leaves that behind.
    Failed,
}

impl MigrationStatus {
    /// The file in `migrations/`.
    pub fn file(&self) -> String {
        format!("{:04}_{}.sql", self.version, self.description.replace(' ', "_"))
    }
}

impl Database {
    /// Every migration that this release or the database knows, in their order.
    pub async fn migration_status(&self) -> Result<Vec<MigrationStatus>, StorageError> {
        let applied = self.applied_migrations().await?;
        let state = |found: &Applied, checksum: &[u8]| match found {
            Applied { success: false, .. } => MigrationState::Failed,
            Applied { checksum: of_database, .. } if *of_database == checksum => MigrationState::Applied,
            _ => MigrationState::Different,
        };
        let migrator = migrator();
        let known = migrator.iter().map(|migration| {
            let found = applied.iter().find(|found| found.version == migration.version);
            MigrationStatus {
                version: migration.version,
                description: migration.description.to_string(),
                state: found.map_or(MigrationState::Pending, |found| state(found, &migration.checksum)),
                applied_at: found.map(|found| found.at),
            }
        });
        let mut all: Vec<_> = known.collect();
        let is_known = |found: &&Applied| FILES.iter().any(|(version, ..)| *version == found.version);
        all.extend(applied.iter().filter(|found| !is_known(found)).map(|found| MigrationStatus {
            version: found.version,
            description: found.description.clone(),
            state: MigrationState::Unknown,
            applied_at: Some(found.at),
        }));
        all.sort_by_key(|migration| migration.version);
        Ok(all)
    }

    /// Applies what is missing; gives the names of what it applied. Two that do this at once take turns: on SQLite by
    /// its write lock, on PostgreSQL by a lock of the migrator's own.
    pub async fn migrate(&self) -> Result<Vec<String>, StorageError> {
        let pending = self.pending_migrations().await?;
        match self {
            Self::Sqlite(..) => on_connection!(self, writer, LONG, |connection, _pools| {
                let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                migrator().run_direct(None, &mut *transaction, false).await?;
                transaction.commit().await?;
                Ok::<_, StorageError>(())
            }),
            Self::Postgres(..) => on_connection!(self, writer, LONG, |connection, _pools| {
                migrator().run_direct(None, connection, false).await?;
                Ok::<_, StorageError>(())
            }),
        }?;
        Ok(pending)
    }

    /// The names of what a new database lacks.
    pub fn all_migrations() -> Vec<String> {
        FILES.iter().map(|(version, description, _)| format!("{version:04}_{description}")).collect()
    }

    /// The names of the migrations that the database lacks. Refuses a schema that a newer release has made, and one
    /// that was made from other files.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StorageError> {
        let mut applied = self.applied_migrations().await?;
        applied.retain(|found| found.success);
        let known = FILES.iter().map(|(version, ..)| *version).max().unwrap_or_default();
        if let Some(newest) = applied.iter().map(|found| found.version).filter(|version| *version > known).max() {
            return Err(StorageError::SchemaTooNew { version: newest, known });
        }
        let mut pending = Vec::new();
        for migration in migrator().iter() {
            let name = format!("{:04}_{}", migration.version, migration.description);
            match applied.iter().find(|found| found.version == migration.version) {
                None => pending.push(name),
                Some(found) if *found.checksum == *migration.checksum => {}
                Some(_) => return Err(StorageError::Schema(format!("{name} was applied from another file"))),
            }
        }
        Ok(pending)
    }

    /// Refuses a schema that lacks something, or that this release has not made.
    pub async fn require_current_schema(&self) -> Result<(), StorageError> {
        let pending = self.pending_migrations().await?;
        if pending.is_empty() { Ok(()) } else { Err(StorageError::MigrationsPending(pending)) }
    }

    /// In their order; none of a database that has never been migrated.
    async fn applied_migrations(&self) -> Result<Vec<Applied>, StorageError> {
        macro_rules! read {
            ($seconds:literal) => {
                concat!(
                    "SELECT version, description, checksum, success, ",
                    $seconds,
                    " FROM _sqlx_migrations ORDER BY version"
                )
            };
        }
        let read = match self {
            Self::Sqlite(..) => read!("CAST(strftime('%s', installed_on) AS INTEGER)"),
            Self::Postgres(_) => read!("CAST(EXTRACT(EPOCH FROM installed_on) AS BIGINT)"),
        };
        on_connection!(self, reader, SHORT, |connection, _pools| {
            match sqlx::query_as(read).fetch_all(connection).await {
                Err(sqlx::Error::Database(error)) if is_schema_mismatch(error.as_ref()) => Ok(Vec::new()),
                rows => Ok(rows?.into_iter().map(Applied::of).collect()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = names.filter(|name| name.ends_with(".sql")).collect();
        files.sort();
        let listed: Vec<String> =
            FILES.iter().map(|(version, description, _)| format!("{version:04}_{description}.sql")).collect();
        assert_eq!(files, NAMES);
        assert_eq!(files, listed);
    }
}

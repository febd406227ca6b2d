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
    9 "provider_certificates" "0009_provider_certificates.sql";
    10 "revoked_tokens" "0010_revoked_tokens.sql";
}

fn migrator() -> Migrator {
    let migration = |(version, description, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*description).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.iter().map(migration).collect())
}

impl Database {
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

    /// The names of the migrations that the database lacks. Refuses a schema that a newer release has made, and one
    /// that was made from other files.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StorageError> {
        let applied = self.applied_migrations().await?;
        let known = FILES.iter().map(|(version, ..)| *version).max().unwrap_or_default();
        if let Some((version, _)) = applied.iter().find(|(version, _)| *version > known) {
            return Err(StorageError::SchemaTooNew { version: *version, known });
        }
        let mut pending = Vec::new();
        for migration in migrator().iter() {
            let name = format!("{:04}_{}", migration.version, migration.description);
            match applied.iter().find(|(version, _)| *version == migration.version) {
                None => pending.push(name),
                Some((_, checksum)) if *checksum == *migration.checksum => {}
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

    /// Versions and checksums; none of a database that has never been migrated.
    async fn applied_migrations(&self) -> Result<Vec<(i64, Vec<u8>)>, StorageError> {
        on_connection!(self, reader, SHORT, |connection, _pools| {
            let rows = sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version");
            match rows.fetch_all(connection).await {
                Err(sqlx::Error::Database(error)) if is_schema_mismatch(error.as_ref()) => Ok(Vec::new()),
                other => Ok(other?),
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

//! The open database.

use std::{fmt, path::Path, time::Duration};

use sqlx::{
    Pool, Postgres, Sqlite,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    StorageError,
    connection::{GLANCE, SHORT},
    sqlite_file::SqliteFile,
};
use crate::{
    clock::UnixTime,
    config::{self, DatabaseUrl},
};

/// Which database, and how much of it.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `sqlite:FILE` or `postgres://…`.
    pub url: DatabaseUrl,
    /// Connections that are kept at most; of SQLite, for reading.
    pub max_connections: u32,
    /// How long an operation waits for a connection.
    pub acquire_timeout: Duration,
    /// Whether an SQLite file that does not exist is made.
    pub create_if_missing: bool,
}

impl From<&config::Database> for DatabaseSettings {
    fn from(section: &config::Database) -> Self {
        Self {
            url: section.url.clone(),
            max_connections: u32::try_from(section.max_connections.get()).unwrap_or(u32::MAX),
            acquire_timeout: section.acquire_timeout_seconds.duration(),
            create_if_missing: false,
        }
    }
}

/// For the register in memory and the uses of assertions alone.
const OWN_CONNECTIONS: u32 = 3;

/// An open database; clones share its connections.
#[derive(Clone)]
pub enum Database {
    /// A file, which other processes may have open, too.
    Sqlite(Pools<Sqlite>, SqliteFile),
    /// A server, which other nodes may use, too.
    Postgres(Pools<Postgres>),
}

/// Connections of one driver by what they are for. What tokens wait for has connections of its own: whatever
/// administrators ask, a suspension is seen, and the use of an assertion is written down.
pub struct Pools<D: sqlx::Database> {
    readers: Pool<D>,
    writers: Pool<D>,
    watchers: Pool<D>,
    recorders: Pool<D>,
    /// Begins a transaction that sees one state of the database throughout.
    pub(super) begin_snapshot: &'static str,
}

impl Database {
    /// Opens the database; an SQLite file that is made is readable by its owner only. PostgreSQL is asked for nothing
    /// yet.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, StorageError> {
        let url = settings.url.expose();
        match url.strip_prefix("sqlite:") {
            Some(rest) => open_sqlite(rest.strip_prefix("//").unwrap_or(rest), settings).await,
            None => open_postgres(url, settings),
        }
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), StorageError> {
        on_connection!(self, reader, SHORT, |connection, _pools| {
            sqlx::query("SELECT 1").execute(connection).await?;
            Ok(())
        })
    }

    /// What its own clock shows; a file has none.
    pub async fn clock(&self) -> Result<Option<UnixTime>, StorageError> {
        const READ: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)";
        match self {
            Self::Sqlite(..) => Ok(None),
            Self::Postgres(_) => on_connection!(self, watcher, GLANCE, |connection, _pools| {
                let (seconds,) = sqlx::query_as(READ).fetch_one(connection).await?;
                Ok(Some(UnixTime(seconds)))
            }),
        }
    }

    /// Closes its connections, those of its clones, too.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pools, _) => pools.close().await,
            Self::Postgres(pools) => pools.close().await,
        }
    }

    /// The number of the last committed change.
    pub async fn revision(&self) -> Result<i64, StorageError> {
        on_connection!(self, watcher, GLANCE, |connection, _pools| {
            let (revision,) = sqlx::query_as("SELECT revision FROM registry_revision").fetch_one(connection).await?;
            Ok(revision)
        })
    }
}

async fn open_sqlite(path: &str, settings: &DatabaseSettings) -> Result<Database, StorageError> {
    if !settings.create_if_missing && !Path::new(path).exists() {
        return Err(StorageError::NoSuchFile(std::path::absolute(path).unwrap_or_else(|_| path.into())));
    }
    let file = SqliteFile::open_or_create(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full) // what was acknowledged survives a power cut
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let pool = || SqlitePoolOptions::new().acquire_timeout(settings.acquire_timeout);
    // The writer comes first: it makes a new file a database in WAL mode while nobody else looks.
    let writers = pool().max_connections(1).connect_with(options.clone()).await?;
    let readers = pool().max_connections(settings.max_connections).connect_lazy_with(options.clone());
    let watchers = pool().max_connections(OWN_CONNECTIONS).connect_lazy_with(options);
    let recorders = writers.clone(); // SQLite has one writer
    Ok(Database::Sqlite(Pools { readers, writers, watchers, recorders, begin_snapshot: "BEGIN" }, file))
}

fn open_postgres(url: &str, settings: &DatabaseSettings) -> Result<Database, StorageError> {
    let options: PgConnectOptions =
        url.parse().map_err(|_| StorageError::Settings("the PostgreSQL URL cannot be understood"))?;
    let options = options.application_name("careconnect-auth");
    let pool = |most: u32| {
        let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(settings.acquire_timeout);
        pool.connect_lazy_with(options.clone())
    };
    let (shared, own) = (pool(settings.max_connections), pool(OWN_CONNECTIONS));
    let begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let (readers, writers, watchers, recorders) = (shared.clone(), shared, own.clone(), own);
    Ok(Database::Postgres(Pools { readers, writers, watchers, recorders, begin_snapshot }))
}

impl<D: sqlx::Database> Pools<D> {
    async fn close(&self) {
        for pool in [&self.readers, &self.writers, &self.watchers, &self.recorders] {
            pool.close().await;
        }
    }

    /// How its connections are made.
    pub(super) fn options(&self) -> <D::Connection as sqlx::Connection>::Options {
        (*self.watchers.connect_options()).clone()
    }

    pub(super) async fn reader(&self) -> Result<PoolConnection<D>, sqlx::Error> {
        self.readers.acquire().await
    }

    pub(super) async fn writer(&self) -> Result<PoolConnection<D>, sqlx::Error> {
        self.writers.acquire().await
    }

    /// A reader for the register in memory.
    pub(super) async fn follower(&self) -> Result<PoolConnection<D>, sqlx::Error> {
        self.watchers.acquire().await
    }

    /// A reader for those who look again at once: the pauses between attempts to connect grow with the patience, and a
    /// database that is back must be seen within a second.
    pub(super) async fn watcher(&self) -> Result<PoolConnection<D>, sqlx::Error> {
        acquire_at_once(&self.watchers).await
    }

    /// A writer for those whose callers do not wait for long.
    pub(super) async fn recorder(&self) -> Result<PoolConnection<D>, sqlx::Error> {
        acquire_at_once(&self.recorders).await
    }
}

async fn acquire_at_once<D: sqlx::Database>(pool: &Pool<D>) -> Result<PoolConnection<D>, sqlx::Error> {
    tokio::time::timeout(Duration::from_secs(1), pool.acquire()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

impl<D: sqlx::Database> Clone for Pools<D> {
    fn clone(&self) -> Self {
        Self {
            readers: self.readers.clone(),
            writers: self.writers.clone(),
            watchers: self.watchers.clone(),
            recorders: self.recorders.clone(),
            begin_snapshot: self.begin_snapshot,
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(_, file) => write!(f, "Database::Sqlite({})", file.path()),
            Self::Postgres(_) => f.write_str("Database::Postgres"),
        }
    }
}

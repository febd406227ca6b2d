//! A database of its own for every test: SQLite, or PostgreSQL with `TEST_DATABASE=postgres`.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use careconnect_auth::{
    config::DatabaseUrl,
    storage::{Database, DatabaseSettings},
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{postgres_proxy::PostgresProxy, postgres_server::PostgresServer};

/// A database, which goes with this value.
pub(crate) struct TestDatabase {
    url: String,
    handle: Database,
    backend: Backend,
}

/// A lock, until it is closed.
pub(crate) enum Kept {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Kept {
    pub(crate) async fn close(self) {
        use sqlx::Connection;
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}

enum Backend {
    Sqlite(TempDir),
    Postgres(PostgresProxy),
    /// On a server of its own.
    OwnPostgres(PostgresProxy, Mutex<PostgresServer>),
}

impl TestDatabase {
    /// With the schema and what it brings, and no registrations.
    pub(crate) async fn fresh() -> Self {
        if !is_postgres() {
            let database = Self::empty().await;
            database.handle.migrate().await.unwrap();
            return database;
        }
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let migrated = || async {
            let name = create("template0").await;
            let database = Self::postgres(&name).await;
            database.handle.migrate().await.unwrap();
            database.handle.close().await; // nobody may be connected to a database that is copied
            name
        };
        Self::postgres(&create(TEMPLATE.get_or_init(migrated).await).await).await
    }

    /// Without a schema.
    pub(crate) async fn empty() -> Self {
        if is_postgres() {
            return Self::postgres(&create("template0").await).await;
        }
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("test.db").display());
        let handle = Database::open(&settings(&url)).await.unwrap();
        Self { url, handle, backend: Backend::Sqlite(directory) }
    }

    /// Without a schema, on a server of its own, if it is on a server.
    pub(crate) async fn on_its_own() -> Self {
        if !is_postgres() {
            return Self::empty().await;
        }
        let server = PostgresServer::start();
        server.execute("postgres", "CREATE DATABASE alone".to_owned()).await;
        let proxy = PostgresProxy::to(server.socket()).await;
        let url = PostgresServer::url("alone", proxy.port);
        let handle = Database::open(&settings(&url)).await.unwrap();
        Self { url, handle, backend: Backend::OwnPostgres(proxy, Mutex::new(server)) }
    }

    async fn postgres(name: &str) -> Self {
        let proxy = PostgresProxy::to(PostgresServer::shared().socket()).await;
        let url = PostgresServer::url(name, proxy.port);
        let handle = Database::open(&settings(&url)).await.unwrap();
        Self { url, handle, backend: Backend::Postgres(proxy) }
    }

    /// For a configuration.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// For opening it once more.
    pub(crate) fn settings(&self) -> DatabaseSettings {
        settings(&self.url)
    }

    /// It, opened.
    pub(crate) const fn handle(&self) -> &Database {
        &self.handle
    }

    /// It, opened once more, as another process or node would.
    pub(crate) async fn another_handle(&self) -> Database {
        Database::open(&self.settings()).await.unwrap()
    }

    /// Runs SQL past the program.
    pub(crate) async fn tamper(&self, statement: &str) {
        use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
        match self.backend {
            Backend::Sqlite(_) => {
                SqliteConnection::connect(&self.url)
                    .await
                    .unwrap()
                    .execute(sqlx::AssertSqlSafe(statement.to_owned()))
                    .await
                    .unwrap();
            }
            Backend::Postgres(_) | Backend::OwnPostgres(..) => {
                PgConnection::connect(&self.url)
                    .await
                    .unwrap()
                    .execute(sqlx::AssertSqlSafe(statement.to_owned()))
                    .await
                    .unwrap();
            }
        }
    }

    /// Keeps everybody else from recording used assertions.
    pub(crate) async fn keep_others_waiting(&self) -> Kept {
        use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
        match self.backend {
            Backend::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
                connection.execute("BEGIN IMMEDIATE").await.unwrap();
                Kept::Sqlite(connection)
            }
            Backend::Postgres(_) | Backend::OwnPostgres(..) => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                connection.execute("BEGIN; LOCK TABLE assertion_ids").await.unwrap();
                Kept::Postgres(connection)
            }
        }
    }

    /// Takes it away: the file is moved, or every connection to the server is cut.
    pub(crate) async fn take_away(&self) {
        match &self.backend {
            Backend::Sqlite(directory) => rename(directory, "test.db", "away.db"),
            Backend::Postgres(proxy) | Backend::OwnPostgres(proxy, _) => proxy.cut(true),
        }
    }

    /// Brings it back.
    pub(crate) async fn give_back(&self) {
        match &self.backend {
            Backend::Sqlite(directory) => rename(directory, "away.db", "test.db"),
            Backend::Postgres(proxy) | Backend::OwnPostgres(proxy, _) => proxy.cut(false),
        }
    }

    /// Leaves the connections that there are without an answer. A file has none: false.
    pub(crate) fn freeze_connections(&self) -> bool {
        match &self.backend {
            Backend::Sqlite(_) => false,
            Backend::Postgres(proxy) | Backend::OwnPostgres(proxy, _) => {
                proxy.freeze();
                true
            }
        }
    }
}

/// Ways in which a database can be out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// Its file is moved, or its connections are cut, and each new one.
    TakenAway,
    /// Nothing is answered on any connection, and none is closed.
    Held,
    /// The server is stopped.
    Stopped,
}

impl Outage {
    /// Those that the database of the tests knows.
    pub(crate) fn all() -> &'static [Self] {
        if is_postgres() { &[Self::TakenAway, Self::Held, Self::Stopped] } else { &[Self::TakenAway] }
    }
}

impl TestDatabase {
    pub(crate) async fn begin(&self, outage: Outage) {
        match (outage, &self.backend) {
            (Outage::Held, Backend::Postgres(proxy) | Backend::OwnPostgres(proxy, _)) => proxy.hold(true),
            (Outage::Stopped, Backend::OwnPostgres(_, server)) => server.lock().unwrap().stop(),
            _ => self.take_away().await,
        }
    }

    pub(crate) async fn end(&self, outage: Outage) {
        match (outage, &self.backend) {
            (Outage::Held, Backend::Postgres(proxy) | Backend::OwnPostgres(proxy, _)) => proxy.hold(false),
            (Outage::Stopped, Backend::OwnPostgres(_, server)) => server.lock().unwrap().start_again(),
            _ => self.give_back().await,
        }
    }
}

/// Is the database of the tests a server?
pub(crate) fn is_postgres() -> bool {
    match std::env::var_os("TEST_DATABASE").as_ref().map(|value| value.to_str()) {
        None | Some(Some("" | "sqlite")) => false,
        Some(Some("postgres")) => true,
        Some(other) => panic!("TEST_DATABASE is {other:?}: expected sqlite or postgres"),
    }
}

fn settings(url: &str) -> DatabaseSettings {
    let url = DatabaseUrl::parse(url).unwrap();
    DatabaseSettings { url, max_connections: 4, acquire_timeout: Duration::from_secs(20), create_if_missing: true }
}

/// A new database of the server, as a copy.
async fn create(template: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    PostgresServer::shared().execute("postgres", format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    name
}

fn rename(directory: &TempDir, from: &str, to: &str) {
    std::fs::rename(directory.path().join(from), directory.path().join(to)).unwrap();
}

//! Hears of changes as they are committed, where the database tells of them.

use std::{future::pending, time::Duration};

use sqlx::{
    Executor, PgConnection, Postgres,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::time::timeout;

use super::{Database, StorageError, connection::GLANCE, database::Pools};

/// On which PostgreSQL tells that a change was committed; the text is its revision.
const CHANNEL: &str = "careconnect_changes";

/// How long nothing may be heard before the connection has to prove that it still leads somewhere.
const SILENCE: Duration = Duration::from_secs(2);

impl Database {
    /// Calls `hear` soon after each change that anybody commits, and once at the beginning, for what was missed. Returns when
    /// the connection is lost, which it has for itself; with SQLite, which tells nobody anything, never.
    pub async fn listen(&self, hear: impl Fn()) -> StorageError {
        match self {
            Self::Sqlite(..) => pending().await,
            Self::Postgres(pools) => listen(pools, hear).await.map_or_else(|error| error, |()| silent()),
        }
    }
}

async fn listen(pools: &Pools<Postgres>, hear: impl Fn()) -> Result<(), StorageError> {
    // A pool for each attempt: a connection that is dead without a word would keep the place of its successor.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).acquire_timeout(GLANCE);
    let mut listener = PgListener::connect_with(&pool.connect_lazy_with(pools.options())).await?;
    listener.eager_reconnect(false);
    in_time(listener.listen(CHANNEL)).await?;
    loop {
        hear();
        loop {
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(_))) => break,
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => in_time(listener.execute("SELECT 1")).await.map(drop)?,
            }
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StorageError> {
    timeout(GLANCE, work).await.map_or_else(|_| Err(silent()), |done| Ok(done?))
}

fn silent() -> StorageError {
    StorageError::Unavailable("the connection that tells of changes was lost".to_owned())
}

/// Has every node told of `revision` once the open transaction is committed.
pub(super) async fn tell(connection: &mut PgConnection, revision: i64) -> Result<(), StorageError> {
    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(revision.to_string());
    notify.execute(connection).await?;
    Ok(())
}

//! Runs one body against whichever database is open, so that SQL is written once.
//!
//! The two drivers have different types behind the same words, and bounds that would join them are longer than the
//! code; so these are macros, and each body is compiled twice.

use std::{pin::Pin, time::Duration};

/// Work of which callers need not know more than that it may go from thread to thread: the compiler would otherwise look
/// into all of it for each of them.
pub(super) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// As [`Boxed`].
pub(super) fn boxed<'a, T>(work: impl Future<Output = T> + Send + 'a) -> Boxed<'a, T> {
    Box::pin(work)
}

/// How long a look at the revision may take: a row that no writer keeps from its readers.
pub(super) const GLANCE: Duration = Duration::from_secs(2);
/// How long one statement, or one transaction that writes, may take.
pub(super) const SHORT: Duration = Duration::from_secs(8); // beyond SQLite's wait for its write lock
/// How long the whole register may take to read.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// Runs `$body` with `$connection` for `$role` (`reader`, `writer`, `follower`, `watcher`, `recorder`) within `$limit`.
///
/// A connection that does not answer in time is thrown away: its peer may be gone without a word, and the pool would
/// wait for it until the kernel gives up.
macro_rules! on_connection {
    ($database:expr, $role:ident, $limit:expr, |$connection:ident, $pools:ident| $body:expr) => {
        match $database {
            Database::Sqlite(pools, file) => {
                file.check_in_place()?;
                on_connection!(@run pools, $role, $limit, |$connection, $pools| $body)
            }
            Database::Postgres(pools) => on_connection!(@run pools, $role, $limit, |$connection, $pools| $body),
        }
    };
    (@run $found:ident, $role:ident, $limit:expr, |$connection:ident, $pools:ident| $body:expr) => {{
        let $pools = $found;
        let mut pooled = $pools.$role().await?;
        let work = crate::storage::connection::boxed(async {
            let $connection = &mut *pooled;
            $body
        });
        match tokio::time::timeout($limit, work).await {
            Ok(outcome) => outcome,
            Err(_) => {
                drop(pooled.detach());
                Err(StorageError::Unavailable(format!("no answer within {:?}", $limit)))
            }
        }
    }};
}

/// Runs `$body` in a transaction that sees one state of the database throughout.
macro_rules! in_snapshot {
    ($database:expr, |$transaction:ident| $body:expr) => {
        in_snapshot!($database, reader, |$transaction| $body)
    };
    ($database:expr, $role:ident, |$transaction:ident| $body:expr) => {
        on_connection!($database, $role, crate::storage::connection::LONG, |connection, pools| {
            let mut transaction = sqlx::Connection::begin_with(connection, pools.begin_snapshot).await?;
            let $transaction = &mut *transaction;
            let outcome = $body;
            transaction.commit().await?;
            Ok(outcome)
        })
    };
}

/// Hands each row of a query with one parameter to `$take`, without keeping the others.
macro_rules! for_each_row {
    ($connection:expr, $sql:expr, $parameter:expr, |$row:ident| $take:expr) => {{
        let mut rows = sqlx::query_as($sql).bind($parameter).fetch(&mut *$connection);
        while let Some($row) = futures_util::TryStreamExt::try_next(&mut rows).await? {
            $take?;
        }
    }};
}

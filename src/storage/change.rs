//! One change of the register: a transaction that takes the next revision first, and writes what was done into the audit
//! before it commits. Nothing changes the register in another way.

use std::time::Duration;

use sqlx::{Postgres, Sqlite, pool::PoolConnection};

use super::{
    Database, StorageError,
    audit::Tail,
    connection::{Boxed, SHORT, boxed},
    held::{Held, flush},
    idempotency, listen,
};
use crate::domain::{Act, AuditRecord, Registered};

/// How long a change that failed is undone: where the database does not answer any more, whoever asked must still be told.
const ROLLBACK: Duration = Duration::from_secs(1);

/// An open change. Only one is open at a time in the whole database; the others wait. Dropped without [`Self::finish`],
/// it leaves nothing behind.
#[derive(Debug)]
pub struct Change {
    pub(super) driver: Option<Driver>,
    pub(super) revision: i64,
    act: Act,
    records: Vec<AuditRecord>,
    /// Of a rehearsal nothing is written.
    pub(super) is_rehearsed: bool,
    /// The register in memory, if it is.
    pub(super) held: Option<Box<Held>>,
}

/// The connection with the open transaction.
#[derive(Debug)]
pub(super) enum Driver {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// Runs `$body`, which gives a `Result`, with the connection of an open change.
macro_rules! in_change {
    ($change:expr, |$connection:ident| $body:expr) => {
        in_change!($change, crate::storage::connection::SHORT, |$connection| $body)
    };
    ($change:expr, $limit:expr, |$connection:ident| $body:expr) => {
        match $change.driver.as_mut() {
            Some(crate::storage::change::Driver::Sqlite(pooled)) => in_change!(@run pooled, $limit, |$connection| $body),
            Some(crate::storage::change::Driver::Postgres(pooled)) => in_change!(@run pooled, $limit, |$connection| $body),
            None => Err(StorageError::Unavailable("the transaction has ended".to_owned())),
        }
    };
    (@run $pooled:ident, $limit:expr, |$connection:ident| $body:expr) => {{
        let $connection = &mut **$pooled;
        crate::storage::change::in_time($limit, crate::storage::connection::boxed(async { $body })).await
    }};
}
/// The same of a `$body` that writes, which a rehearsal leaves out.
macro_rules! in_writing {
    ($change:expr, |$connection:ident| $body:expr) => {
        if $change.is_rehearsed { Ok(()) } else { in_change!($change, |$connection| $body) }
    };
}
pub(super) use {in_change, in_writing};

/// One step of a change, which a database that does not answer must not hold up for ever.
pub(super) async fn in_time<T>(limit: Duration, step: Boxed<'_, Result<T, StorageError>>) -> Result<T, StorageError> {
    let too_late = |_| Err(StorageError::Unavailable(format!("no answer within {limit:?}")));
    tokio::time::timeout(limit, step).await.unwrap_or_else(too_late)
}

impl Database {
    /// Begins a change, and with it waits for the one that is open.
    pub async fn begin(&self, act: Act) -> Result<Change, StorageError> {
        let mut change = self.open_transaction(act).await?;
        change.revision = in_change!(change, |connection| {
            let next = "UPDATE registry_revision SET revision = revision + 1 RETURNING revision";
            let (revision,) = sqlx::query_as(next).fetch_one(connection).await?;
            Ok(revision)
        })?;
        match idempotency::refuse_repeated(&mut change).await {
            Ok(()) => Ok(change),
            Err(repeated) => change.finish(Err(repeated)).await,
        }
    }

    /// Keeps a refusal, which changes nothing else.
    pub async fn record_refusal(&self, act: Act, refused: AuditRecord) -> Result<(), StorageError> {
        let mut change = self.open_transaction(act).await?;
        change.records.push(refused);
        change.finish(Ok(())).await
    }

    /// Begins a change that is never made: it sees one state of the register, keeps nobody waiting, and its records say
    /// what would be done.
    pub async fn rehearse(&self, act: Act) -> Result<Change, StorageError> {
        let (driver, begin) = match self {
            Self::Sqlite(pools, file) => {
                file.check_in_place()?;
                (Driver::Sqlite(pools.reader().await?), pools.begin_snapshot)
            }
            Self::Postgres(pools) => (Driver::Postgres(pools.reader().await?), pools.begin_snapshot),
        };
        let mut change = Change::open(driver, act, begin).await?;
        change.is_rehearsed = true;
        Ok(change)
    }

    async fn open_transaction(&self, act: Act) -> Result<Change, StorageError> {
        let driver = match self {
            Self::Sqlite(pools, file) => {
                file.check_in_place()?;
                Driver::Sqlite(pools.writer().await?)
            }
            Self::Postgres(pools) => Driver::Postgres(pools.writer().await?),
        };
        Change::open(driver, act, "BEGIN").await
    }
}

impl Change {
    async fn open(driver: Driver, act: Act, begin: &'static str) -> Result<Self, StorageError> {
        let driver = Some(driver);
        let mut change = Self { driver, revision: 0, act, records: Vec::new(), is_rehearsed: false, held: None };
        in_change!(change, |connection| {
            sqlx::query(begin).execute(connection).await?;
            Ok(())
        })?;
        Ok(change)
    }

    /// What was done up to now.
    pub fn records(&self) -> &[AuditRecord] {
        &self.records
    }

    /// Who makes it, when, and why.
    pub const fn act(&self) -> &Act {
        &self.act
    }

    /// Why what follows is done.
    pub fn set_reason(&mut self, reason: Option<String>) {
        self.act.reason = reason;
    }

    /// The revision that all its rows bear.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// Commits after success, and undoes everything after a failure. A change that did nothing leaves no trace, and a
    /// rehearsal neither.
    pub async fn finish<T, E: From<StorageError>>(mut self, outcome: Result<T, E>) -> Result<T, E> {
        match outcome {
            Ok(value) if !self.records.is_empty() && !self.is_rehearsed => {
                flush(&mut self).await?;
                self.write_records().await?;
                self.tell().await?;
                self.end("COMMIT", SHORT).await?;
                Ok(value)
            }
            outcome => {
                let _detached_by_drop = self.end("ROLLBACK", ROLLBACK).await;
                outcome
            }
        }
    }

    /// Notes what was done to something, for the audit.
    pub(super) fn note<T: Registered>(&mut self, before: Option<&T>, after: &T) {
        self.records.push(AuditRecord::done(&self.act, before, after));
    }

    async fn write_records(&mut self) -> Result<(), StorageError> {
        let (records, at) = (std::mem::take(&mut self.records), self.act.at);
        let mut tail = Tail::lock(self).await?;
        let first = tail.next();
        tail.append(self, &records, at).await?;
        tail.keep(self).await?;
        idempotency::keep(self, first).await
    }

    async fn tell(&mut self) -> Result<(), StorageError> {
        match &mut self.driver {
            Some(Driver::Postgres(pooled)) if self.revision > 0 => {
                in_time(SHORT, boxed(listen::tell(pooled, self.revision))).await
            }
            _ => Ok(()),
        }
    }

    async fn end(&mut self, statement: &'static str, limit: Duration) -> Result<(), StorageError> {
        in_change!(self, limit, |connection| {
            sqlx::query(statement).execute(connection).await?;
            Ok(())
        })?;
        self.driver = None; // the connection goes back to its pool
        Ok(())
    }
}

impl Drop for Change {
    /// A connection with an open transaction is closed: the pool must not hand it on.
    fn drop(&mut self) {
        match self.driver.take() {
            Some(Driver::Sqlite(pooled)) => drop(pooled.detach()),
            Some(Driver::Postgres(pooled)) => drop(pooled.detach()),
            None => {}
        }
    }
}

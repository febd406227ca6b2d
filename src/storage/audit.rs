//! The audit: rows ↔ [`ChainedRecord`], each chained to the one before it.

use serde_json::json;

use super::{
    Database, StorageError,
    change::{Change, in_change},
    many_rows::{ROWS, insert},
};
use crate::{
    clock::UnixTime,
    domain::{AuditRecord, ChainedRecord},
    hash_chain::ChainHash,
};

const INSERT: &str = "INSERT INTO audit (sequence, at, actor, action, subject, identifier, outcome, record, hash)";

/// The end of the chain, locked until the transaction ends.
pub(super) struct Tail {
    sequence: i64,
    hash: ChainHash,
}

impl Tail {
    pub(super) async fn lock(change: &mut Change) -> Result<Self, StorageError> {
        let lock = "UPDATE audit_head SET only_row = 1 RETURNING sequence, hash";
        let (sequence, hash): (i64, String) =
            in_change!(change, |connection| Ok(sqlx::query_as(lock).fetch_one(connection).await?))?;
        let hash = hash.parse().map_err(|error| StorageError::corrupt("the end of the audit", sequence, error))?;
        Ok(Self { sequence, hash })
    }

    /// The number of the next record.
    pub(super) const fn next(&self) -> i64 {
        self.sequence + 1
    }

    pub(super) async fn append(
        &mut self,
        change: &mut Change,
        records: &[AuditRecord],
        at: UnixTime,
    ) -> Result<(), StorageError> {
        for records in records.chunks(ROWS) {
            let sql = insert(INSERT, records.len(), 9, "");
            let rows: Vec<(i64, String, String)> = records.iter().map(|record| self.chain(record)).collect();
            in_change!(change, |connection| {
                let mut query = sqlx::query(sql);
                for (record, (sequence, text, hash)) in records.iter().zip(&rows) {
                    query = query
                        .bind(*sequence)
                        .bind(at.0)
                        .bind(&record.actor.name)
                        .bind(&record.action)
                        .bind(&record.subject)
                        .bind(&record.identifier)
                        .bind(record.outcome)
                        .bind(text)
                        .bind(hash);
                }
                query.execute(connection).await?;
                Ok(())
            })?;
        }
        Ok(())
    }

    fn chain(&mut self, record: &AuditRecord) -> (i64, String, String) {
        self.sequence += 1;
        let mut object = json!({ "sequence": self.sequence });
        if let (Some(object), Ok(serde_json::Value::Object(rest))) =
            (object.as_object_mut(), serde_json::to_value(record))
        {
            object.extend(rest);
        }
        let text = object.to_string();
        self.hash = self.hash.then(text.as_bytes());
        (self.sequence, text, self.hash.to_string())
    }

    pub(super) async fn keep(self, change: &mut Change) -> Result<(), StorageError> {
        in_change!(change, |connection| {
            let keep = sqlx::query("UPDATE audit_head SET sequence = $1, hash = $2");
            keep.bind(self.sequence).bind(self.hash.to_string()).execute(connection).await?;
            Ok(())
        })
    }
}

/// Which records are wanted; what is none does not matter.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only those before this number.
    pub before: Option<i64>,
    /// From this time on.
    pub from: Option<UnixTime>,
    /// Up to before this time.
    pub until: Option<UnixTime>,
    /// Of this administrator.
    pub actor: Option<String>,
    /// `consumer.registered`, or all of `consumer`.
    pub action: Option<String>,
    /// About this kind of thing.
    pub subject: Option<String>,
    /// About this one; with `SUP1` or `supplier SUP1` also about what is assured of it, `supplier SUP1 for` a group.
    pub identifier: Option<String>,
    /// `done` or `refused`.
    pub outcome: Option<String>,
}

impl Database {
    /// The newest records that match, newest first, `limit` at most.
    pub async fn search_audit(&self, query: &AuditQuery, limit: u32) -> Result<Vec<ChainedRecord>, StorageError> {
        macro_rules! search {
            ($time:literal) => {
                concat!(
                    "SELECT sequence, at, record, hash, actor, action, subject, identifier, outcome FROM audit \
                    WHERE sequence < $1 AND ",
                    $time,
                    " AND ($4 = '' OR actor = $4) AND ($5 = '' OR action = $5 OR subject = $5) \
                    AND ($6 = '' OR subject = $6) AND ($7 = '' OR identifier = $7 \
                    OR replace(' ' || identifier, ' ' || $7 || ' for ', '') <> ' ' || identifier) \
                    AND ($8 = '' OR outcome = $8) ORDER BY sequence DESC LIMIT $9"
                )
            };
        }
        // A condition on times, whatever they are, would have SQLite go by its index of times, and sort all that it has.
        let is_timed = query.from.is_some() || query.until.is_some();
        let search = if is_timed { search!("at >= $2 AND at < $3") } else { search!("$2 < $3") };
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        on_connection!(self, reader, super::connection::SHORT, |connection, _pools| {
            let rows = sqlx::query_as(search)
                .bind(query.before.unwrap_or(i64::MAX))
                .bind(query.from.map_or(i64::MIN, |from| from.0))
                .bind(query.until.map_or(i64::MAX, |until| until.0))
                .bind(text(&query.actor))
                .bind(text(&query.action))
                .bind(text(&query.subject))
                .bind(text(&query.identifier))
                .bind(text(&query.outcome))
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await?;
            Ok(rows.into_iter().map(chained).collect())
        })
    }

    /// Up to `limit` records after number `after`, in their order.
    pub async fn read_audit(&self, after: i64, limit: u32) -> Result<Vec<ChainedRecord>, StorageError> {
        const READ: &str = "SELECT sequence, at, record, hash, actor, action, subject, identifier, outcome FROM audit \
            WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        on_connection!(self, reader, super::connection::SHORT, |connection, _pools| {
            let rows = sqlx::query_as(READ).bind(after).bind(i64::from(limit)).fetch_all(connection).await?;
            Ok(rows.into_iter().map(chained).collect())
        })
    }

    /// Keeps a checkpoint; of two for the same record the first stays.
    pub async fn insert_audit_checkpoint(&self, checkpoint: &AuditCheckpoint) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO audit_checkpoints (sequence, hash, at, signature) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (sequence) DO NOTHING";
        on_connection!(self, writer, super::connection::SHORT, |connection, _pools| {
            let AuditCheckpoint { sequence, hash, at, signature } = checkpoint;
            sqlx::query(INSERT).bind(*sequence).bind(hash).bind(at.0).bind(signature).execute(connection).await?;
            Ok(())
        })
    }

    /// Up to `limit` checkpoints after record number `after`, in their order.
    pub async fn read_audit_checkpoints(&self, after: i64, limit: u32) -> Result<Vec<AuditCheckpoint>, StorageError> {
        const READ: &str = "SELECT sequence, hash, at, signature FROM audit_checkpoints WHERE sequence > $1 \
            ORDER BY sequence LIMIT $2";
        on_connection!(self, reader, super::connection::SHORT, |connection, _pools| {
            let rows: Vec<(i64, String, i64, String)> =
                sqlx::query_as(READ).bind(after).bind(i64::from(limit)).fetch_all(connection).await?;
            let checkpoint =
                |(sequence, hash, at, signature)| AuditCheckpoint { sequence, hash, at: UnixTime(at), signature };
            Ok(rows.into_iter().map(checkpoint).collect())
        })
    }

    /// The number of the last record that a checkpoint covers; 0 without one.
    pub async fn last_audit_checkpoint(&self) -> Result<i64, StorageError> {
        on_connection!(self, reader, super::connection::SHORT, |connection, _pools| {
            let newest = "SELECT COALESCE(MAX(sequence), 0) FROM audit_checkpoints";
            let (sequence,) = sqlx::query_as(newest).fetch_one(connection).await?;
            Ok(sequence)
        })
    }

    /// The number of the last record that there is, wherever the chain is said to end; 0 without one.
    pub async fn last_audit_record(&self) -> Result<i64, StorageError> {
        on_connection!(self, reader, super::connection::SHORT, |connection, _pools| {
            let last = "SELECT COALESCE(MAX(sequence), 0) FROM audit";
            let (sequence,) = sqlx::query_as(last).fetch_one(connection).await?;
            Ok(sequence)
        })
    }

    /// The end of the chain: the number of its last record, and its hash.
    pub async fn audit_head(&self) -> Result<(i64, String), StorageError> {
        on_connection!(self, reader, super::connection::SHORT, |connection, _pools| {
            Ok(sqlx::query_as("SELECT sequence, hash FROM audit_head").fetch_one(connection).await?)
        })
    }
}

type AuditRow = (i64, i64, String, String, String, String, String, String, String);

fn chained((sequence, at, record, hash, actor, action, subject, identifier, outcome): AuditRow) -> ChainedRecord {
    ChainedRecord { sequence, at: UnixTime(at), record, hash, found_by: [actor, action, subject, identifier, outcome] }
}

/// A signed statement of what the chain's hash was at some record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheckpoint {
    /// The number of the record.
    pub sequence: i64,
    /// The chain's hash up to and including it, in hexadecimal digits.
    pub hash: String,
    /// When it was signed.
    pub at: UnixTime,
    /// The statement: a compact JWS.
    pub signature: String,
}

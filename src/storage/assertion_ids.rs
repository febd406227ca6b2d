//! The ids of client assertions that have been used, shared by all nodes.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Database, StorageError, connection::SHORT};
use crate::clock::UnixTime;

/// The most ids that are written at once.
pub const LARGEST_GROUP: usize = 256;

impl Database {
    /// Records these ids, each until its time, in one commit that may take so long; gives those that were not there before.
    ///
    /// With [`StorageError::Unavailable`] it is not known whether they were written. More than [`LARGEST_GROUP`] are more
    /// than one statement should hold.
    pub async fn record_assertion_ids(
        &self,
        ids: &BTreeMap<Uuid, UnixTime>,
        limit: Duration,
    ) -> Result<HashSet<Uuid>, StorageError> {
        let Some(last) = ids.last_key_value() else { return Ok(HashSet::new()) };
        let rows = ids.len().next_power_of_two();
        // In the order of the ids: two nodes that write the same ones would wait for each other otherwise.
        let padded = ids.iter().chain(std::iter::repeat(last)).take(rows);
        on_connection!(self, recorder, limit, |connection, _pools| {
            let mut insert = sqlx::query_as(AssertSqlSafe(insert_of(rows)));
            for (id, expires_at) in padded {
                insert = insert.bind(*id).bind(expires_at.0);
            }
            let new: Vec<(Uuid,)> = insert.fetch_all(connection).await?;
            Ok(new.into_iter().map(|(id,)| id).collect())
        })
    }

    /// Has the assertion of this id been used? One that has ended may be forgotten.
    pub async fn knows_assertion_id(&self, id: Uuid) -> Result<bool, StorageError> {
        on_connection!(self, reader, SHORT, |connection, _pools| {
            let found: Option<(i64,)> = sqlx::query_as("SELECT expires_at FROM assertion_ids WHERE id = $1")
                .bind(id)
                .fetch_optional(connection)
                .await?;
            Ok(found.is_some())
        })
    }

    /// Notes until when those ended that are about to be deleted, because they ended before `cutoff`.
    pub async fn forget_assertions(&self, cutoff: UnixTime) -> Result<(), StorageError> {
        const NOTE: &str = "UPDATE forgotten_assertions \
                            SET ended_by = (SELECT MAX(expires_at) FROM assertion_ids WHERE expires_at < $1) \
                            WHERE ended_by < (SELECT MAX(expires_at) FROM assertion_ids WHERE expires_at < $1)";
        on_connection!(self, writer, SHORT, |connection, _pools| {
            sqlx::query(NOTE).bind(cutoff.0).execute(connection).await?;
            Ok(())
        })
    }

    /// Until when the last of those ended that were deleted.
    pub async fn forgotten_assertions(&self) -> Result<UnixTime, StorageError> {
        on_connection!(self, reader, SHORT, |connection, _pools| {
            let (ended_by,) = sqlx::query_as("SELECT ended_by FROM forgotten_assertions").fetch_one(connection).await?;
            Ok(UnixTime(ended_by))
        })
    }

    /// Deletes at most `limit` ids that ended before `now`; gives how many.
    pub async fn prune_assertion_ids(&self, now: UnixTime, limit: u32) -> Result<u64, StorageError> {
        const PRUNE: &str = "DELETE FROM assertion_ids WHERE id IN \
                             (SELECT id FROM assertion_ids WHERE expires_at < $1 ORDER BY expires_at, id LIMIT $2)";
        on_connection!(self, writer, SHORT, |connection, _pools| {
            let pruned = sqlx::query(PRUNE).bind(now.0).bind(i64::from(limit)).execute(connection).await?;
            Ok(pruned.rows_affected())
        })
    }
}

/// The statement for so many rows. Groups are filled up to a power of two with the last row once more, which changes
/// nothing: a connection prepares nine statements, not 256.
fn insert_of(rows: usize) -> String {
    let row = |number: usize| format!("(${}, ${})", 2 * number + 1, 2 * number + 2);
    let values: Vec<_> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO assertion_ids (id, expires_at) VALUES {} ON CONFLICT DO NOTHING RETURNING id",
        values.join(", ")
    )
}

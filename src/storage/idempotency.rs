//! Requests that may come twice: the key of each that was carried out within a day.

use super::{Change, StorageError, change::in_change};
use crate::domain::Repeatable;

const KEPT: i64 = 24 * 60 * 60;

/// Refuses what was carried out before: [`StorageError::Repeated`], or [`StorageError::KeyTaken`] where the request is
/// another one.
pub(super) async fn refuse_repeated(change: &mut Change) -> Result<(), StorageError> {
    const FIND: &str = "SELECT fingerprint, sequence FROM idempotency_keys WHERE actor = $1 AND value = $2 AND at > $3";
    let (actor, since) = (change.act().actor.name.clone(), change.act().at.plus(-KEPT));
    let Some(Repeatable { key, fingerprint }) = change.act().repeatable.clone() else { return Ok(()) };
    let found: Option<(String, i64)> = in_change!(change, |connection| {
        Ok(sqlx::query_as(FIND).bind(actor).bind(key.as_str()).bind(since.0).fetch_optional(connection).await?)
    })?;
    match found {
        Some((before, sequence)) if before == fingerprint => Err(StorageError::Repeated { sequence }),
        Some(_) => Err(StorageError::KeyTaken),
        None => Ok(()),
    }
}

/// Keeps the key with the first record of what is done, and forgets those that are old.
pub(super) async fn keep(change: &mut Change, sequence: i64) -> Result<(), StorageError> {
    const INSERT: &str =
        "INSERT INTO idempotency_keys (actor, value, fingerprint, sequence, at) VALUES ($1, $2, $3, $4, $5)";
    let (actor, now) = (change.act().actor.name.clone(), change.act().at);
    let Some(Repeatable { key, fingerprint }) = change.act().repeatable.clone() else { return Ok(()) };
    in_change!(change, |connection| {
        let forget = sqlx::query("DELETE FROM idempotency_keys WHERE at <= $1").bind(now.plus(-KEPT).0);
        forget.execute(&mut *connection).await?;
        let keep = sqlx::query(INSERT).bind(actor).bind(key.as_str()).bind(fingerprint).bind(sequence).bind(now.0);
        keep.execute(&mut *connection).await?;
        Ok(())
    })
}

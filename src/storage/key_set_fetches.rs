//! Who has fetched the key set: rows ↔ [`KeySetFetch`]. They are no registrations, and bear no revision.

use careconnect_verifier::Asid;

use super::{Database, StorageError, connection::SHORT};
use crate::{clock::UnixTime, domain::KeySetFetch};

impl Database {
    /// Keeps the latest fetches, one by one: they are few, and nobody waits for them.
    pub async fn record_key_set_fetches(&self, fetches: &[KeySetFetch]) -> Result<(), StorageError> {
        const UPSERT: &str = "INSERT INTO key_set_fetches (asid, proven, fetched_at, kids) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (asid, proven) DO UPDATE SET fetched_at = excluded.fetched_at, kids = excluded.kids";
        on_connection!(self, writer, SHORT, |connection, _pools| {
            for fetch in fetches {
                sqlx::query(UPSERT)
                    .bind(fetch.asid.as_str())
                    .bind(i64::from(fetch.proven))
                    .bind(fetch.fetched_at.0)
                    .bind(fetch.kids.join(" "))
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(())
        })
    }

    /// The latest fetches of all providers.
    pub async fn list_key_set_fetches(&self) -> Result<Vec<KeySetFetch>, StorageError> {
        const ALL: &str = "SELECT asid, proven, fetched_at, kids FROM key_set_fetches ORDER BY asid, proven";
        on_connection!(self, reader, SHORT, |connection, _pools| {
            let rows: Vec<(String, i64, i64, String)> = sqlx::query_as(ALL).fetch_all(connection).await?;
            rows.into_iter().map(fetch).collect()
        })
    }
}

fn fetch((asid, proven, fetched_at, kids): (String, i64, i64, String)) -> Result<KeySetFetch, StorageError> {
    let asid = Asid::parse(&asid).map_err(|error| StorageError::corrupt("fetch of the key set", &asid, error))?;
    let kids = kids.split_whitespace().map(Into::into).collect();
    Ok(KeySetFetch { asid, proven: proven != 0, fetched_at: UnixTime(fetched_at), kids })
}

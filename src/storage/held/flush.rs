//! Writes the rows that have waited, many at a time.

use crate::{
    domain::{Assurance, ConsumerSystem, Credential},
    storage::{
        Change, StorageError,
        assurances::{self, bind_assurance},
        change::in_change,
        consumers::{self, bind_consumer},
        credentials::{self, Columns, bind_credential},
        many_rows::{ROWS, insert},
    },
};

/// Writes new consumers with their credentials, and assurances.
pub(in crate::storage) async fn flush(change: &mut Change) -> Result<(), StorageError> {
    let Some(held) = change.held.take() else { return Ok(()) };
    let new = held.new_consumers.iter().filter_map(|client_id| held.consumers.get(client_id));
    let new: Vec<&ConsumerSystem> = new.collect();
    write_consumers(change, &new).await?;
    write_credentials(change, &new).await?;
    let of = |(subject, group)| held.assurances.get(subject)?.get(group);
    let new: Vec<&Assurance> = held.new_assurances.iter().filter_map(|(subject, group)| of((subject, group))).collect();
    write_assurances(change, &new).await
}

async fn write_consumers(change: &mut Change, all: &[&ConsumerSystem]) -> Result<(), StorageError> {
    let revision = change.revision;
    for rows in all.chunks(ROWS) {
        let sql = insert(consumers::INSERT, rows.len(), consumers::COLUMNS, "");
        in_change!(change, |connection| {
            let mut query = sqlx::query(sql);
            for consumer in rows {
                query = bind_consumer!(query, consumer, revision);
            }
            query.execute(connection).await?;
            Ok(())
        })?;
    }
    Ok(())
}

async fn write_credentials(change: &mut Change, all: &[&ConsumerSystem]) -> Result<(), StorageError> {
    let now = change.act().at;
    let of = |consumer: &&ConsumerSystem| {
        let client_id = consumer.client_id.clone();
        let credentials = consumer.credentials.clone();
        credentials.into_iter().map(move |credential| (client_id.clone(), credential))
    };
    let credentials: Vec<_> = all.iter().flat_map(of).collect();
    for rows in credentials.chunks(ROWS) {
        let sql = insert(credentials::INSERT, rows.len(), credentials::COLUMNS, "");
        in_change!(change, |connection| {
            let mut query = sqlx::query(sql);
            for (client_id, credential) in rows {
                let credential: &Credential = credential;
                query = bind_credential!(query, client_id, credential, now);
            }
            query.execute(connection).await?;
            Ok(())
        })?;
    }
    Ok(())
}

async fn write_assurances(change: &mut Change, all: &[&Assurance]) -> Result<(), StorageError> {
    let revision = change.revision;
    for rows in all.chunks(ROWS) {
        let sql = insert(assurances::INSERT, rows.len(), assurances::COLUMNS, assurances::OR_UPDATE);
        in_change!(change, |connection| {
            let mut query = sqlx::query(sql);
            for assurance in rows {
                query = bind_assurance!(query, assurance, revision);
            }
            query.execute(connection).await?;
            Ok(())
        })?;
    }
    Ok(())
}

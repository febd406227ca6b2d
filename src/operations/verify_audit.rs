//! Proves, without the server, that the audit of changes is as it was written; or names the first record that is not.

mod exported;
mod walk;

use std::collections::BTreeSet;

use careconnect_verifier::KeySet;
use serde::{Serialize, Serializer};
use serde_json::Value;

pub use self::exported::verify_exported;
use self::walk::Walk;
use crate::{
    clock::UnixTime,
    domain::ChainedRecord,
    record::KnownCheckpoint,
    storage::{AuditCheckpoint, Database, StorageError},
};

/// Records that are held in memory at a time.
const BATCH: u32 = 1_000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Records that are as they were written.
    pub records: i64,
    /// When the last of them was written.
    #[serde(serialize_with = "rfc3339")]
    pub newest: Option<UnixTime>,
    /// Checkpoints whose signature is right.
    pub checkpoints: u64,
    /// Checkpoints that are signed with keys that were not given.
    pub unverifiable_checkpoints: u64,
    /// Those keys, as far as no checkpoint after them is right: what they sign is not proven.
    pub unknown_keys: BTreeSet<String>,
    /// Records after the last checkpoint: whoever may write to the database could have written these anew.
    pub uncovered: i64,
    /// The first that is not as it was written.
    pub broken: Option<BrokenRecord>,
}

impl AuditReport {
    /// Is everything as it was written, and signed by keys that were given as far as it is signed?
    pub fn is_sound(&self) -> bool {
        self.broken.is_none() && self.unknown_keys.is_empty()
    }
}

/// A record that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("record {sequence} of the audit: {what}")]
pub struct BrokenRecord {
    /// Its number.
    pub sequence: i64,
    /// What is wrong with it.
    pub what: String,
}

/// Walks the whole chain; checkpoints are held against `keys`, the issuer's public keys, and what the log is `known` to
/// have said of them against the records.
pub async fn verify_audit(
    database: &Database,
    keys: &KeySet,
    known: &[KnownCheckpoint],
) -> Result<AuditReport, StorageError> {
    let mut walk = Walk::new(keys, known);
    let covered = database.last_audit_checkpoint().await?; // before the head: both grow meanwhile
    let (end, hash) = database.audit_head().await?;
    let mut checkpoints = Checkpoints { database, read: Vec::new().into_iter(), next: None };
    checkpoints.advance().await?;
    while walk.reached() < end {
        let begun = walk.reached();
        let batch = database.read_audit(begun, BATCH).await?;
        for record in batch.iter().filter(|record| record.sequence <= end) {
            if let Err(broken) = follow(&mut walk, record, &mut checkpoints).await? {
                return Ok(walk.broken(broken));
            }
        }
        if walk.reached() == begun {
            let what = format!("it is missing, and with it all up to record {end}");
            return Ok(walk.broken(BrokenRecord { sequence: begun + 1, what }));
        }
    }
    let last = database.last_audit_record().await?; // before the head: both grow meanwhile
    if last > database.audit_head().await?.0 {
        let what = "it lies behind the end of the chain: no change has written it".to_owned();
        return Ok(walk.broken(BrokenRecord { sequence: last, what }));
    }
    Ok(walk.end(end, &hash, covered))
}

async fn follow(
    walk: &mut Walk<'_>,
    record: &ChainedRecord,
    checkpoints: &mut Checkpoints<'_>,
) -> Result<Result<(), BrokenRecord>, StorageError> {
    let step = walk.record(record.sequence, &record.record, &record.hash, record.at);
    if let Err(broken) = step.and_then(|()| agrees(record)) {
        return Ok(Err(broken));
    }
    while let Some(checkpoint) = checkpoints.next.as_ref().filter(|next| next.sequence <= walk.reached()) {
        if let Err(broken) = walk.checkpoint(checkpoint) {
            return Ok(Err(broken));
        }
        checkpoints.advance().await?;
    }
    Ok(Ok(()))
}

/// Do the columns say what the record says?
fn agrees(record: &ChainedRecord) -> Result<(), BrokenRecord> {
    let value: Value = serde_json::from_str(&record.record).unwrap_or_default();
    let said = [&value["actor"]["name"], &value["action"], &value["subject"], &value["identifier"], &value["outcome"]];
    let agrees = value["sequence"] == record.sequence
        && value["time"] == record.at.to_string()
        && said.iter().zip(&record.found_by).all(|(said, column)| said.as_str() == Some(column.as_str()));
    let what = "what searches go by was changed: it is not what the record says";
    if agrees { Ok(()) } else { Err(BrokenRecord { sequence: record.sequence, what: what.to_owned() }) }
}

/// Checkpoints in their order, a batch at a time.
struct Checkpoints<'a> {
    database: &'a Database,
    read: std::vec::IntoIter<AuditCheckpoint>,
    next: Option<AuditCheckpoint>,
}

impl Checkpoints<'_> {
    async fn advance(&mut self) -> Result<(), StorageError> {
        let after = self.next.as_ref().map_or(0, |last| last.sequence);
        self.next = self.read.next();
        if self.next.is_none() {
            self.read = self.database.read_audit_checkpoints(after, BATCH).await?.into_iter();
            self.next = self.read.next();
        }
        Ok(())
    }
}

fn rfc3339<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}

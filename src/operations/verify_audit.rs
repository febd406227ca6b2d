//! Proves, without the server, that the audit of changes is as it was written; or names the first record that is not.

use careconnect_verifier::KeySet;
use serde_json::Value;

use crate::{
    clock::UnixTime,
    domain::ChainedRecord,
    hash_chain::ChainHash,
    record::{CheckpointVerdict, judge_checkpoint},
    storage::{AuditCheckpoint, Database, StorageError},
};

/// The stream that checkpoints of the audit name; no file of the issuance record is called so.
pub const STREAM: &str = "changes";

/// Records that are held in memory at a time.
const BATCH: u32 = 1_000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Records that are as they were written.
    pub records: i64,
    /// When the last of them was written.
    pub newest: Option<UnixTime>,
    /// Checkpoints whose signature is right.
    pub checkpoints: u64,
    /// Checkpoints that are signed with keys that were not given.
    pub unverifiable_checkpoints: u64,
    /// Records after the last checkpoint: whoever may write to the database could have written these anew.
    pub uncovered: i64,
    /// The first that is not as it was written.
    pub broken: Option<BrokenRecord>,
}

/// A record that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence} of the audit: {what}")]
pub struct BrokenRecord {
    /// Its number.
    pub sequence: i64,
    /// What is wrong with it.
    pub what: String,
}

/// Walks the whole chain; checkpoints are held against `keys`, the issuer's public keys.
pub async fn verify_audit(database: &Database, keys: &KeySet) -> Result<AuditReport, StorageError> {
    let mut walk = Walk { report: AuditReport::default(), hash: ChainHash::START, keys };
    let covered = database.last_audit_checkpoint().await?; // before the head: both grow meanwhile
    let head = database.audit_head().await?;
    let mut checkpoints = Checkpoints { database, read: Vec::new().into_iter(), next: None, covered: 0 };
    checkpoints.advance().await?;
    while walk.report.records < head.0 {
        let batch = database.read_audit(walk.report.records, BATCH).await?;
        for record in batch.iter().filter(|record| record.sequence <= head.0) {
            let outcome = walk.record(record);
            let outcome = match outcome {
                Ok(()) => checkpoints.judge_up_to(&mut walk).await?,
                broken => broken,
            };
            if let Err(broken) = outcome {
                walk.report.broken = Some(broken);
                return Ok(walk.report);
            }
        }
        if batch.is_empty() {
            let what = format!("it is missing, and with it all up to record {}", head.0);
            walk.report.broken = Some(BrokenRecord { sequence: walk.report.records + 1, what });
            return Ok(walk.report);
        }
    }
    walk.report.uncovered = walk.report.records - checkpoints.covered;
    let broken = |sequence, what| Some(BrokenRecord { sequence, what });
    walk.report.broken = if walk.hash.to_string() != head.1 {
        broken(walk.report.records, "the end of the chain says otherwise: it was replaced".to_owned())
    } else if covered > head.0 {
        let what = format!("it is missing: a signed checkpoint covers all up to record {covered}");
        broken(walk.report.records + 1, what)
    } else {
        None
    };
    Ok(walk.report)
}

struct Walk<'a> {
    report: AuditReport,
    hash: ChainHash,
    keys: &'a KeySet,
}

impl Walk<'_> {
    fn record(&mut self, record: &ChainedRecord) -> Result<(), BrokenRecord> {
        let expected = self.report.records + 1;
        let broken = |sequence, what: &str| Err(BrokenRecord { sequence, what: what.to_owned() });
        if record.sequence != expected {
            return broken(expected, "it is missing");
        }
        let hash = self.hash.then(record.record.as_bytes());
        if hash.to_string() != record.hash {
            return broken(expected, "it was changed, or one before it: its hash is another");
        }
        if !agrees(record) {
            return broken(expected, "what searches go by was changed: it is not what the record says");
        }
        self.hash = hash;
        self.report.records = expected;
        self.report.newest = Some(record.at);
        Ok(())
    }
}

/// Do the columns say what the record says?
fn agrees(record: &ChainedRecord) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(&record.record) else { return false };
    let said = [&value["actor"]["name"], &value["action"], &value["subject"], &value["identifier"], &value["outcome"]];
    value["sequence"] == record.sequence
        && value["time"] == record.at.to_string()
        && said.iter().zip(&record.found_by).all(|(said, column)| said.as_str() == Some(column.as_str()))
}

/// Checkpoints in their order, a batch at a time.
struct Checkpoints<'a> {
    database: &'a Database,
    read: std::vec::IntoIter<AuditCheckpoint>,
    next: Option<AuditCheckpoint>,
    covered: i64,
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

    /// Judges those that cover the record that the walk has reached.
    async fn judge_up_to(&mut self, walk: &mut Walk<'_>) -> Result<Result<(), BrokenRecord>, StorageError> {
        while let Some(checkpoint) = self.next.as_ref().filter(|next| next.sequence <= walk.report.records) {
            let sequence = checkpoint.sequence;
            let number = u64::try_from(sequence).unwrap_or_default();
            match judge_checkpoint(&checkpoint.signature, STREAM, number, walk.hash, walk.keys) {
                CheckpointVerdict::Valid => walk.report.checkpoints += 1,
                CheckpointVerdict::UnknownKey(_) => walk.report.unverifiable_checkpoints += 1,
                CheckpointVerdict::Wrong(why) => {
                    let what = format!("the signed checkpoint for it does not agree with it: {why}");
                    return Ok(Err(BrokenRecord { sequence, what }));
                }
            }
            self.covered = sequence;
            self.advance().await?;
        }
        Ok(Ok(()))
    }
}

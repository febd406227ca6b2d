//! Writes the audit of changes as a file that can be verified without the database.

use std::io::{self, Write};

use serde_json::json;

use crate::storage::{Database, StorageError};

/// Records that are held in memory at a time.
const BATCH: u32 = 1_000;
/// What stands between the chained text of a record, which is a JSON object, and its hash.
const HASH: &str = ",\"hash\":";

/// Why the audit was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file failed.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The chain cannot be written as it is.
    #[error("record {0} is missing, or is no JSON object: run `careconnect-auth audit verify`")]
    Broken(i64),
}

/// Writes all records up to the current end, a line each, with the checkpoints behind the records that they cover, and gives
/// how many records they are.
pub async fn export_audit(database: &Database, to: &mut impl Write) -> Result<i64, ExportError> {
    let (end, hash) = database.audit_head().await?;
    let mut reached = 0;
    while reached < end {
        let begun = reached;
        let records = database.read_audit(begun, BATCH).await?;
        let mut checkpoints = database.read_audit_checkpoints(reached, BATCH).await?.into_iter().peekable();
        for record in records.into_iter().filter(|record| record.sequence <= end) {
            let object = record.record.strip_suffix('}').filter(|_| record.sequence == reached + 1);
            let object = object.ok_or(ExportError::Broken(reached + 1))?;
            writeln!(to, "{object}{HASH}\"{}\"}}", record.hash)?;
            reached = record.sequence;
            while let Some(signed) = checkpoints.next_if(|signed| signed.sequence <= reached) {
                let line = json!({ "checkpoint": signed.signature, "sequence": signed.sequence, "hash": signed.hash });
                writeln!(to, "{line}")?;
            }
        }
        if reached == begun {
            return Err(ExportError::Broken(begun + 1));
        }
    }
    writeln!(to, "{}", json!({ "end": true, "sequence": end, "hash": hash }))?;
    to.flush()?;
    Ok(end)
}

/// The chained text of a record in a line of the file.
pub(super) fn recorded(line: &str) -> String {
    let end = line.rfind(HASH).unwrap_or(line.len());
    format!("{}}}", &line[..end])
}

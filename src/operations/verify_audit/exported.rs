//! The same of records that were written to a file, without the database.

use std::io::{self, BufRead};

use careconnect_verifier::KeySet;
use serde::Deserialize;

use super::{
    AuditReport, BrokenRecord,
    walk::{Walk, signed_at},
};
use crate::{clock::UnixTime, operations::export_audit::recorded, record::KnownCheckpoint, storage::AuditCheckpoint};

/// What any line may say; `docs/record.md` has the format.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    sequence: i64,
    time: Option<String>,
    #[serde(default)]
    hash: String,
    checkpoint: Option<String>,
    #[serde(default)]
    end: bool,
}

/// Walks what [`export_audit`](crate::operations::export_audit::export_audit) wrote.
pub fn verify_exported(lines: impl BufRead, keys: &KeySet, known: &[KnownCheckpoint]) -> io::Result<AuditReport> {
    let mut walk = Walk::new(keys, known);
    let mut end = None;
    for line in lines.split(b'\n') {
        let text = String::from_utf8_lossy(&line?).into_owned();
        let step = match serde_json::from_str::<Line>(&text) {
            _ if end.is_some() => Err(behind(&walk, "there are lines behind the end")),
            Err(_) => Err(behind(&walk, "its line is none of an export")),
            Ok(Line { end: true, sequence, hash, .. }) => {
                end = Some((sequence, hash));
                Ok(())
            }
            Ok(Line { checkpoint: Some(signature), sequence, hash, .. }) => {
                let at = signed_at(&signature).unwrap_or(UnixTime(0));
                walk.checkpoint(&AuditCheckpoint { sequence, hash, at, signature })
            }
            Ok(Line { sequence, time, hash, .. }) => {
                let at = time.and_then(|time| time.parse().ok()).unwrap_or(UnixTime(0));
                walk.record(sequence, &recorded(&text), &hash, at)
            }
        };
        if let Err(broken) = step {
            return Ok(walk.broken(broken));
        }
    }
    Ok(match end {
        Some((end, hash)) => walk.end(end, &hash, end),
        None => {
            let broken = behind(&walk, "the file breaks off before it");
            walk.broken(broken)
        }
    })
}

/// What is wrong behind the last record that is as it was written.
fn behind(walk: &Walk<'_>, what: &str) -> BrokenRecord {
    BrokenRecord { sequence: walk.reached() + 1, what: what.to_owned() }
}

//! The walk along the chain, record by record, wherever the records come from.

use careconnect_verifier::{KeySet, UnverifiedText};

use super::{AuditReport, BrokenRecord};
use crate::{
    clock::UnixTime,
    hash_chain::ChainHash,
    record::{CHANGES, Checkpoint, CheckpointVerdict, KnownCheckpoint, judge_checkpoint},
    storage::AuditCheckpoint,
};

pub(super) struct Walk<'a> {
    report: AuditReport,
    hash: ChainHash,
    keys: &'a KeySet,
    covered: i64,
    /// What is known of records that the walk has not reached.
    known: Vec<(i64, ChainHash)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(keys: &'a KeySet, known: &[KnownCheckpoint]) -> Self {
        let own = known.iter().filter(|known| known.stream == CHANGES);
        let known = own.filter_map(|known| Some((i64::try_from(known.sequence).ok()?, known.hash))).collect();
        Self { report: AuditReport::default(), hash: ChainHash::START, keys, covered: 0, known }
    }

    /// The number of the last record that is as it was written.
    pub(super) const fn reached(&self) -> i64 {
        self.report.records
    }

    /// The next record: its number, the text that is chained, and what its hash is said to be.
    pub(super) fn record(&mut self, sequence: i64, text: &str, said: &str, at: UnixTime) -> Result<(), BrokenRecord> {
        let expected = self.reached() + 1;
        let broken = |what: &str| Err(BrokenRecord { sequence: expected, what: what.to_owned() });
        if sequence != expected {
            return broken("it is missing");
        }
        let hash = self.hash.then(text.as_bytes());
        if hash.to_string() != said {
            return broken("it was changed, or one before it: its hash is another");
        }
        let is_known = |(number, _): &&(i64, ChainHash)| *number == sequence;
        if self.known.iter().filter(is_known).any(|(_, known)| *known != hash) {
            return broken("it is not the one that a known checkpoint covers: it was written anew, or one before it");
        }
        self.known.retain(|(number, _)| *number != sequence);
        self.hash = hash;
        self.report.records = expected;
        self.report.newest = Some(at);
        Ok(())
    }

    /// A checkpoint of the record that the walk has reached.
    pub(super) fn checkpoint(&mut self, checkpoint: &AuditCheckpoint) -> Result<(), BrokenRecord> {
        let AuditCheckpoint { sequence, hash, at, signature } = checkpoint;
        let broken = |why: &str| {
            let what = format!("the signed checkpoint for it does not agree with it: {why}");
            Err(BrokenRecord { sequence: *sequence, what })
        };
        let number = u64::try_from(*sequence).unwrap_or_default();
        match judge_checkpoint(signature, CHANGES, number, self.hash, self.keys) {
            CheckpointVerdict::Valid => {
                self.report.checkpoints += 1;
                self.report.unknown_keys.clear();
            }
            CheckpointVerdict::UnknownKey(kid) => {
                self.report.unverifiable_checkpoints += 1;
                self.report.unknown_keys.insert(kid);
            }
            CheckpointVerdict::Wrong(why) => return broken(&why),
        }
        if *hash != self.hash.to_string() || signed_at(signature) != Some(*at) {
            return broken("what is kept beside it was changed");
        }
        self.covered = *sequence;
        Ok(())
    }

    /// The chain is said to end at record `end` with `hash`, and to be signed up to record `covered`.
    pub(super) fn end(mut self, end: i64, hash: &str, covered: i64) -> AuditReport {
        self.report.uncovered = self.reached() - self.covered;
        if self.reached() != end || self.hash.to_string() != hash {
            let what = "the end of the chain says otherwise: it was replaced".to_owned();
            let sequence = self.reached();
            return self.broken(BrokenRecord { sequence, what });
        }
        if let Some(sequence) = self.known.iter().map(|(sequence, _)| *sequence).min() {
            let what = "it is missing: a known checkpoint covers it".to_owned();
            return self.broken(BrokenRecord { sequence, what });
        }
        if covered > end {
            let what = format!("it is missing: a signed checkpoint covers all up to record {covered}");
            return self.broken(BrokenRecord { sequence: end + 1, what });
        }
        self.report
    }

    pub(super) fn broken(self, broken: BrokenRecord) -> AuditReport {
        AuditReport { broken: Some(broken), ..self.report }
    }
}

/// When a checkpoint says that it was signed.
pub(super) fn signed_at(signature: &str) -> Option<UnixTime> {
    let text = UnverifiedText::read(signature.as_bytes()).ok()?;
    Some(serde_json::from_str::<Checkpoint>(&text.payload).ok()?.iat)
}

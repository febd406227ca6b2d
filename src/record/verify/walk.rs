//! One stream, line by line.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use careconnect_verifier::KeySet;
use serde::de::IgnoredAny;

use super::report::{Broken, Fault, StreamReport};
use crate::{
    hash_chain::ChainHash,
    record::{
        checkpoint::{CheckpointVerdict, KnownCheckpoint, judge_checkpoint},
        files::RecordFile,
        line::{Line, Place},
    },
};

/// How many unknown keys are named.
const NAMED_KEYS: usize = 8;

pub(super) struct Walk<'a> {
    keys: Option<&'a KeySet>,
    none: KeySet,
    known: Vec<&'a KnownCheckpoint>,
    report: StreamReport,
    file: PathBuf,
    line: u64,
    /// What the name of the first file says of its first line.
    first: u64,
    /// Behind the last line; nothing before the first.
    place: Option<Place>,
    /// Lines that are none of ours, or broke off: which, only the next one tells.
    unreadable: Option<Unreadable>,
}

struct Unreadable {
    file: PathBuf,
    line: u64,
    count: u64,
    /// Behind them; nothing where it is not known what they hung on.
    hash: Option<ChainHash>,
    /// The only one, without a line end, and nothing in it speaks against the beginning of a line.
    may_be_unfinished: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        directory: &Path,
        stream: String,
        keys: Option<&'a KeySet>,
        known: Vec<&'a KnownCheckpoint>,
    ) -> Self {
        let (none, file) = (KeySet::default(), directory.join(format!("token-requests-*.{stream}.*.jsonl")));
        let report = StreamReport { stream, ..StreamReport::default() };
        Self { keys, none, known, report, file, line: 0, first: 0, place: None, unreadable: None }
    }

    pub(super) fn enter(&mut self, file: RecordFile) {
        if self.place.is_none() {
            self.first = file.first;
        }
        (self.file, self.line) = (file.path, 0);
        self.report.files += 1;
    }

    /// Breaks at the first line that is wrong.
    pub(super) fn line(&mut self, text: &[u8], is_ended: bool) -> ControlFlow<()> {
        self.line += 1;
        let Some(line) = Line::read(text) else {
            self.note_unreadable(text, is_ended);
            return ControlFlow::Continue(());
        };
        if let Err(broken) =
            self.judge_unreadable(&line).and_then(|()| self.judge(&line).map_err(|fault| self.here(fault)))
        {
            self.report.broken = Some(broken);
            return ControlFlow::Break(());
        }
        self.place = Some(line.place);
        self.report.lines += 1;
        self.report.last_sequence = line.place.sequence;
        self.report.last_time = Some(line.time);
        ControlFlow::Continue(())
    }

    fn here(&self, fault: Fault) -> Broken {
        Broken { file: self.file.clone(), line: self.line, fault }
    }

    fn note_unreadable(&mut self, text: &[u8], is_ended: bool) {
        if let Some(unreadable) = &mut self.unreadable {
            unreadable.count += 1;
            unreadable.hash = unreadable.hash.map(|hash| hash.then(text));
            unreadable.may_be_unfinished = false;
            return;
        }
        let start = (self.first == 1).then_some(ChainHash::START);
        self.unreadable = Some(Unreadable {
            file: self.file.clone(),
            line: self.line,
            count: 1,
            hash: self.place.map(|place| place.hash).or(start).map(|hash| hash.then(text)),
            may_be_unfinished: !is_ended && !is_more_than_a_line(text),
        });
    }

    /// A line that broke off is followed by a mark that says so and hangs on it.
    fn judge_unreadable(&mut self, next: &Line) -> Result<(), Broken> {
        let Some(Unreadable { file, line, count, hash, .. }) = self.unreadable.take() else { return Ok(()) };
        if next.torn && hash.is_none_or(|hash| hash == next.previous) {
            self.report.torn_lines += count;
            self.place = self.place.map(|place| Place { hash: next.previous, ..place });
            return Ok(());
        }
        Err(Broken { file, line, fault: Fault::Changed })
    }

    fn judge(&mut self, line: &Line) -> Result<(), Fault> {
        let found = line.place.sequence;
        let expected = self.place.map_or(self.first, |place| place.sequence + 1);
        if found > expected {
            return Err(Fault::MissingBefore { expected, found });
        }
        if found < expected {
            return Err(Fault::OutOfOrder { expected, found });
        }
        let starts = (found == 1 && !line.torn).then_some(Place::START);
        if self.place.or(starts).is_some_and(|place| place.hash != line.previous) {
            return Err(Fault::Replaced);
        }
        if self.place.is_none() {
            (self.report.first_sequence, self.report.first_time) = (found, Some(line.time));
        }
        if self.known.iter().any(|known| known.sequence == found && known.hash != line.place.hash) {
            return Err(Fault::NotAsKnown);
        }
        self.report.lines_after_checkpoint += 1;
        match &line.checkpoint {
            Some(jws) => self.judge_checkpoint(jws, Place { sequence: found - 1, hash: line.previous }),
            None => Ok(()),
        }
    }

    fn judge_checkpoint(&mut self, jws: &str, place: Place) -> Result<(), Fault> {
        match judge_checkpoint(jws, &self.report.stream, place.sequence, place.hash, self.keys.unwrap_or(&self.none)) {
            CheckpointVerdict::Wrong(why) => return Err(Fault::WrongCheckpoint(why)),
            CheckpointVerdict::Valid => {
                self.report.valid_checkpoints += 1;
                self.report.unknown_keys.clear(); // it covers what those cover
            }
            CheckpointVerdict::UnknownKey(key) => {
                self.report.unverifiable_checkpoints += 1;
                if self.keys.is_some() && self.report.unknown_keys.len() < NAMED_KEYS {
                    self.report.unknown_keys.insert(key);
                }
            }
        }
        self.report.lines_after_checkpoint = 0;
        Ok(())
    }

    pub(super) fn end(mut self) -> StreamReport {
        if self.report.broken.is_none() {
            match self.unreadable.take() {
                Some(Unreadable { may_be_unfinished: true, .. }) => self.report.ends_within_a_line = true,
                Some(Unreadable { file, line, .. }) => {
                    self.report.broken = Some(Broken { file, line, fault: Fault::Changed });
                }
                None => {}
            }
        }
        let last = self.report.last_sequence;
        let cut = self.known.iter().map(|known| known.sequence).max().filter(|known| *known > last);
        if let (None, Some(known)) = (&self.report.broken, cut) {
            self.report.broken = Some(self.here(Fault::CutOff { known, last }));
        }
        self.report
    }
}

/// Is there anything behind a whole JSON value?
fn is_more_than_a_line(text: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    matches!(values.next(), Some(Ok(_)))
}

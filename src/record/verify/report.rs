//! What a verification found.

use std::{collections::BTreeSet, fmt, path::PathBuf};

use serde::Serialize;

use crate::clock::UnixTime;

/// What was found in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each stream.
    pub streams: Vec<StreamReport>,
    /// The files of a release that did not chain its lines: nothing can be said of them.
    pub unchained: Vec<PathBuf>,
}

impl Report {
    /// Is everything as it was written, and signed by keys that were given as far as it is signed?
    pub fn is_sound(&self) -> bool {
        self.streams.iter().all(StreamReport::is_sound)
    }

    /// The first broken line of each stream that has one.
    pub fn broken(&self) -> impl Iterator<Item = &Broken> {
        self.streams.iter().filter_map(|stream| stream.broken.as_ref())
    }
}

/// What was found in a stream, up to its first broken line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// Its name.
    pub stream: String,
    /// Files that were read.
    pub files: u64,
    /// Whole lines that are as they were written, checkpoints and marks included.
    pub lines: u64,
    /// The number of the first line: 1, or more when older files were deleted.
    pub first_sequence: u64,
    /// The number of the last line.
    pub last_sequence: u64,
    /// When the first line was written; RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub first_time: Option<UnixTime>,
    /// When the last line was written; RFC 3339 in JSON.
    #[serde(serialize_with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub last_time: Option<UnixTime>,
    /// Checkpoints whose signature holds.
    pub valid_checkpoints: u64,
    /// Checkpoints whose key was not given; what they say of the stream is right.
    pub unverifiable_checkpoints: u64,
    /// The keys of those behind the last valid one, of at most eight; empty where no keys were given.
    pub unknown_keys: BTreeSet<String>,
    /// Lines that no checkpoint covers yet: whoever may write the files could have written them anew.
    pub lines_after_checkpoint: u64,
    /// Lines that broke off, in a crash or on a full disk, and were marked as such; nobody was told that they are written.
    pub torn_lines: u64,
    /// Does it end within a line: one that is being written, or broke off in a crash?
    pub ends_within_a_line: bool,
    /// The first line that is wrong. What is behind it was not looked at.
    pub broken: Option<Broken>,
}

impl StreamReport {
    /// Is everything as it was written, and signed by keys that were given as far as it is signed?
    pub fn is_sound(&self) -> bool {
        self.broken.is_none() && self.unknown_keys.is_empty()
    }
}

/// A line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Its file.
    pub file: PathBuf,
    /// Its number in the file, from 1; 0 for none.
    pub line: u64,
    /// What is wrong, in a sentence.
    #[serde(serialize_with = "sentence")]
    pub fault: Fault,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file.display(), self.line, self.fault)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its bytes are not those that were written.
    #[error("the line was changed")]
    Changed,
    /// Lines before it are not there, or come later.
    #[error("lines are missing before it: expected number {expected}, found number {found}")]
    MissingBefore {
        /// The number of the first that is missing.
        expected: u64,
        /// Its own.
        found: u64,
    },
    /// It stood elsewhere.
    #[error("the line is out of order: expected number {expected}, found number {found}")]
    OutOfOrder {
        /// The number of the line that should stand here.
        expected: u64,
        /// Its own.
        found: u64,
    },
    /// Somebody wrote it, or what is before it, anew.
    #[error("the line does not hang on the one before it: one of them was replaced")]
    Replaced,
    /// A checkpoint that does not hold.
    #[error("the checkpoint is wrong: {0}")]
    WrongCheckpoint(String),
    /// The stream is known to have had another line of this number.
    #[error("the stream was written anew: a checkpoint is known in which the line of this number has another hash")]
    NotAsKnown,
    /// The stream is known to have gone further.
    #[error("the end was cut off: a line of number {known} is known, and the last one is number {last}")]
    CutOff {
        /// The number that is known.
        known: u64,
        /// That of the last line; 0 where there is none.
        last: u64,
    },
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn rfc3339<S: serde::Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}

fn sentence<S: serde::Serializer>(fault: &Fault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fault)
}

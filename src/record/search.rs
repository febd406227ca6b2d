//! Finding lines again.

mod query;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    ops::ControlFlow,
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::query::Query;
use super::{
    entry::{Entry, Outcome},
    files::{RecordFile, day_of, newest_first},
    line::LONGEST_LINE,
};
use crate::clock::UnixTime;

/// An entry, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its stream; a release before had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The number of its line in the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Found {
    /// The entry in a line of `file`; nothing where it is none, or broke off.
    pub(super) fn read(line: &[u8], file: &RecordFile) -> Option<Self> {
        let found = serde_json::from_slice(line).ok()?;
        Some(Self { stream: (!file.stream.is_empty()).then(|| file.stream.clone()), ..found })
    }

    /// Where it stands among all.
    pub fn position(&self) -> Position {
        Position {
            time: self.entry.time,
            sequence: self.sequence.unwrap_or_default(),
            stream: self.stream.clone().unwrap_or_default(),
        }
    }
}

/// Where an entry stands among all: they are in the order of their times, and those of one second in that of their numbers.
/// As text `time.sequence.stream`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Its time.
    pub time: UnixTime,
    /// The number of its line; 0 of a release before.
    pub sequence: u64,
    /// Its stream; empty of a release before.
    pub stream: String,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.time.0, self.sequence, self.stream)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected time.sequence.stream")]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '.');
        let (Some(time), Some(sequence), Some(stream)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidPosition);
        };
        let time = time.parse().map(UnixTime).map_err(|_| InvalidPosition)?;
        Ok(Self { time, sequence: sequence.parse().map_err(|_| InvalidPosition)?, stream: stream.to_owned() })
    }
}

/// The last entry with that number, of a request or of the token that it got, in the newest file that has one.
pub fn find(directory: &Path, number: Uuid) -> io::Result<Option<Entry>> {
    let needle = number.to_string();
    for file in newest_first(directory)? {
        let mut last = None;
        each_line(&file, |line| {
            if contains(line, &needle) {
                let entry = serde_json::from_slice(line).ok();
                last = entry.filter(|entry| is_meant(entry, number)).or(last.take()); // another's text may hold it
            }
            ControlFlow::Continue(())
        })?;
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(None)
}

fn is_meant(entry: &Entry, number: Uuid) -> bool {
    let is_its_token = matches!(entry.outcome, Outcome::Issued { token_id, .. } if token_id == number);
    entry.trace_id == number || is_its_token
}

/// The newest `limit` entries that match, the newest first. Reads no file whose entries cannot be among them, and keeps no
/// more than these in memory.
pub fn search(directory: &Path, query: &Query, limit: usize) -> io::Result<Vec<Found>> {
    search_while(directory, query, limit, || true)
}

/// The same as long as it `is_wanted`; what is found is not complete when it no longer is.
pub fn search_while(
    directory: &Path,
    query: &Query,
    limit: usize,
    is_wanted: impl Fn() -> bool,
) -> io::Result<Vec<Found>> {
    let needles = query.needles();
    let mut newest = BinaryHeap::new(); // the oldest of them on top
    let mut number = 0_u64;
    for file in newest_first(directory)? {
        let oldest = newest.peek().map(|Reverse(Ranked { position, .. })| day_of(position.time));
        if newest.len() >= limit && oldest.is_some_and(|oldest| file.day < oldest) {
            break; // an entry is never older than the file before its own
        }
        if !query.may_be_in_file_of(&file.day) {
            continue;
        }
        each_line(&file, |line| {
            if !is_wanted() {
                return ControlFlow::Break(());
            }
            if !needles.iter().all(|needle| contains(line, needle)) {
                return ControlFlow::Continue(());
            }
            if let Some(found) = Found::read(line, &file).filter(|found| query.matches(found)) {
                number += 1;
                newest.push(Reverse(Ranked { position: found.position(), number, found }));
                if newest.len() > limit {
                    newest.pop();
                }
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(newest.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked.found).collect())
}

/// By position, then in the order of reading.
struct Ranked {
    position: Position,
    number: u64,
    found: Found,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.position, self.number).cmp(&(&other.position, other.number))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

fn contains(line: &[u8], needle: &str) -> bool {
    str::from_utf8(line).is_ok_and(|line| line.contains(needle))
}

/// Calls `with` for every line of a file until it breaks off, without the line's end; of one that is far too long for ours with its beginning. A file
/// that was deleted a moment ago has none.
fn each_line(file: &RecordFile, with: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    match File::open(&file.path) {
        Ok(file) => each_line_of(BufReader::with_capacity(1 << 16, file), with),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn each_line_of(mut file: impl BufRead, mut with: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    let (mut line, limit) = (Vec::new(), u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX));
    while file.by_ref().take(limit).read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            file.skip_until(b'\n')?;
        }
        if with(line.strip_suffix(b"\n").unwrap_or(&line)).is_break() {
            break;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests;

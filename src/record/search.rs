//! Finding lines again.

mod query;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
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
    let needles = query.needles();
    let mut newest = BinaryHeap::new(); // the oldest of them on top
    let mut number = 0_u64;
    for file in newest_first(directory)? {
        let oldest = newest.peek().map(|Reverse(Ranked { time, .. })| day_of(*time));
        if newest.len() >= limit && oldest.is_some_and(|oldest| file.day < oldest) {
            break; // an entry is never older than the file before its own
        }
        if !query.may_be_in_file_of(&file.day) {
            continue;
        }
        each_line(&file, |line| {
            if !needles.iter().all(|needle| contains(line, needle)) {
                return;
            }
            if let Some(found) = Found::read(line, &file).filter(|found| query.matches(&found.entry)) {
                number += 1;
                newest.push(Reverse(Ranked { time: found.entry.time, number, found }));
                if newest.len() > limit {
                    newest.pop();
                }
            }
        })?;
    }
    Ok(newest.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked.found).collect())
}

/// By time, then in the order of reading.
struct Ranked {
    time: UnixTime,
    number: u64,
    found: Found,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.number).cmp(&(other.time, other.number))
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

/// Calls `with` for every line of a file, without its end; of one that is far too long for ours with its beginning. A file
/// that was deleted a moment ago has none.
fn each_line(file: &RecordFile, with: impl FnMut(&[u8])) -> io::Result<()> {
    match File::open(&file.path) {
        Ok(file) => each_line_of(BufReader::with_capacity(1 << 16, file), with),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn each_line_of(mut file: impl BufRead, mut with: impl FnMut(&[u8])) -> io::Result<()> {
    let (mut line, limit) = (Vec::new(), u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX));
    while file.by_ref().take(limit).read_until(b'\n', &mut line)? > 0 {
        if !line.ends_with(b"\n") {
            file.skip_until(b'\n')?;
        }
        with(line.strip_suffix(b"\n").unwrap_or(&line));
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests;

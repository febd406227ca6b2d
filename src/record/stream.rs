//! The stream that this process writes: held by a lock, continued where the process before it ended.

mod end;
mod lock;

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt},
    path::{Path, PathBuf},
};

use serde::Serialize;

pub(super) use self::lock::stream_of_lock;
use self::lock::{Taken, take};
use super::{
    entry::rfc3339,
    files::{RecordError, RecordFile, day_of},
    line::Place,
};
use crate::clock::UnixTime;

/// A line that stands at the beginning of a run, and wherever writing goes on after it had failed.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mark {
    Started,
    Resumed,
}

#[derive(Serialize)]
struct Marked {
    #[serde(with = "rfc3339")]
    time: UnixTime,
    mark: Mark,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    torn: bool,
}

/// Lines that are to be written.
struct Batch {
    /// Where they hang.
    begin: Place,
    text: Vec<u8>,
    /// Where each ends in the text, and the place behind it.
    places: Vec<(usize, Place)>,
    /// How many of them nobody handed in.
    marks: usize,
}

/// A stream, for the one who writes it.
pub(super) struct Stream {
    directory: PathBuf,
    name: String,
    _lock: File,
    file: RecordFile,
    /// How long the file is, as far as we know.
    length: u64,
    /// Behind the last whole line.
    place: Place,
    /// What is in the last file behind that line: the beginning of one that broke off. No one was told that it is written.
    rest: Vec<u8>,
    /// Must be said before anything else.
    due: Option<Mark>,
    /// Have lines broken off since the last whole one?
    is_torn: bool,
}

impl Stream {
    /// Takes a stream of `directory` that no other process has, or begins one. Makes the directory if it is not there, and
    /// today's file in it, so that a fault shows at once.
    pub(super) fn open(directory: &Path, now: UnixTime) -> Result<Self, RecordError> {
        let open = || {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            Self::take(directory, now)
        };
        open().map_err(|source| RecordError { directory: directory.to_owned(), source })
    }

    fn take(directory: &Path, now: UnixTime) -> io::Result<Self> {
        let Taken { name, lock, file, place, rest } = take(directory)?;
        let today = || RecordFile::new(directory, day_of(now), &name, place.sequence + 1);
        let file = file.filter(|file| file.day == day_of(now)).unwrap_or_else(today);
        let length = file.open()?.metadata()?.len();
        let (directory, is_torn) = (directory.to_owned(), !rest.is_empty());
        Ok(Self { directory, name, _lock: lock, file, length, place, rest, due: Some(Mark::Started), is_torn })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// The name of the file that is written to, and how long it is, in bytes.
    pub(super) fn file(&self) -> (String, u64) {
        (self.file.name(), self.length)
    }

    /// Must a mark be written before anything else?
    pub(super) const fn is_interrupted(&self) -> bool {
        self.due.is_some()
    }

    /// Is the file of another day than that of `now`?
    pub(super) fn is_of_another_day(&self, now: UnixTime) -> bool {
        self.file.day != day_of(now)
    }

    /// Goes on in a new file.
    pub(super) fn turn(&mut self, now: UnixTime) {
        self.file = RecordFile::new(&self.directory, day_of(now), &self.name, self.place.sequence + 1);
        self.length = fs::metadata(&self.file.path).map(|metadata| metadata.len()).unwrap_or_default();
    }

    /// Appends a line for each of `members`, which are JSON objects, in one write; before them a mark, if one is due. Gives
    /// how many of them are written whole, and why no more are.
    pub(super) fn append(&mut self, members: &[&[u8]], now: UnixTime) -> (usize, io::Result<()>) {
        let outcome = self.append_lines(members, now);
        if outcome.1.is_err() {
            self.due.get_or_insert(Mark::Resumed);
        }
        outcome
    }

    fn append_lines(&mut self, members: &[&[u8]], now: UnixTime) -> (usize, io::Result<()>) {
        let (batch, mut file) = match self.batch(members, now).and_then(|batch| Ok((batch, self.file.open()?))) {
            Ok(ready) => ready,
            Err(error) => return (0, Err(error)),
        };
        let line_end: &[u8] = if self.ends_within_a_line(&file) { b"\n" } else { b"" };
        let (taken, outcome) = write_until_refused(&mut file, &[line_end, &batch.text].concat());
        self.length += u64::try_from(taken).unwrap_or_default();
        let whole = if taken == 0 { 0 } else { self.note(&batch, taken - line_end.len()) };
        (whole.saturating_sub(batch.marks), outcome)
    }

    fn batch(&self, members: &[&[u8]], now: UnixTime) -> io::Result<Batch> {
        let marked = self.due.map(|mark| serde_json::to_vec(&Marked { time: now, mark, torn: self.is_torn }));
        let mark = marked.transpose()?;
        let begin = if self.rest.is_empty() { self.place } else { self.behind_the_rest() };
        let (mut text, mut places, mut place) = (Vec::new(), Vec::new(), begin);
        for members in mark.as_deref().into_iter().chain(members.iter().copied()) {
            place = place.write(members, &mut text);
            places.push((text.len(), place));
            text.push(b'\n');
        }
        Ok(Batch { begin, text, places, marks: mark.into_iter().count() })
    }

    /// Notes that so many bytes of the batch are in the file. Gives the number of lines of which all bytes are.
    fn note(&mut self, batch: &Batch, taken: usize) -> usize {
        let whole = batch.places.partition_point(|(end, _)| *end <= taken);
        let mut rest_begins = 0;
        self.place = batch.begin;
        if let Some((end, place)) = whole.checked_sub(1).and_then(|last| batch.places.get(last)) {
            (self.place, rest_begins) = (*place, (end + 1).min(taken));
            (self.due, self.is_torn) = (None, false);
        }
        self.rest = batch.text[rest_begins..taken].to_vec();
        self.is_torn |= !self.rest.is_empty();
        whole
    }

    /// What broke off is no line of its own, but the chain covers it.
    fn behind_the_rest(&self) -> Place {
        Place { hash: self.place.hash.then(&self.rest), ..self.place }
    }

    /// Also notices when somebody else has written to the file, or cut it.
    fn ends_within_a_line(&mut self, file: &File) -> bool {
        let mut last = [b'\n'];
        let length = file.metadata().map(|metadata| metadata.len()).unwrap_or_default();
        if length != self.length {
            let (file, expected) = (self.file.path.display(), self.length);
            tracing::error!(event = "record_changed", %file, expected, length, "the issuance record was changed by others");
            self.length = length;
        }
        length > 0 && file.read_exact_at(&mut last, length - 1).is_ok() && last != [b'\n']
    }
}

/// `write_all` that tells how far it came.
fn write_until_refused(file: &mut File, text: &[u8]) -> (usize, io::Result<()>) {
    let mut taken = 0;
    while taken < text.len() {
        match file.write(&text[taken..]) {
            Ok(0) => return (taken, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => taken += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (taken, Err(error)),
        }
    }
    (taken, Ok(()))
}

#[cfg(test)]
mod tests;

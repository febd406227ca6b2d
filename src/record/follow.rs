//! Reading along as lines are written.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    files::{RecordFile, newest_first},
    search::Found,
};

/// How much of a file is read at once.
const AT_ONCE: u64 = 1 << 20;

/// A reader of what comes, in the files of all streams.
#[derive(Debug)]
pub struct Follower {
    directory: PathBuf,
    /// How far each file is read.
    read: HashMap<PathBuf, u64>,
}

impl Follower {
    /// Follows what comes after now.
    pub fn at_the_end_of(directory: &Path) -> io::Result<Self> {
        let ends = newest_first(directory)?.into_iter().map(|file| {
            let end = file.path.metadata().map(|metadata| metadata.len()).unwrap_or_default();
            (file.path, end)
        });
        Ok(Self { directory: directory.to_owned(), read: ends.collect() })
    }

    /// What has come since: of each file in its order. Lines that are not whole yet come when they are.
    pub fn poll(&mut self) -> io::Result<Vec<Found>> {
        let mut files = newest_first(&self.directory)?;
        files.reverse();
        let mut found = Vec::new();
        for file in files {
            self.read_on(&file, &mut found)?;
        }
        Ok(found)
    }

    fn read_on(&mut self, file: &RecordFile, found: &mut Vec<Found>) -> io::Result<()> {
        let from = self.read.entry(file.path.clone()).or_default();
        let mut opened = match File::open(&file.path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // deleted a moment ago
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        opened.seek(SeekFrom::Start(*from))?;
        while opened.by_ref().take(AT_ONCE).read_to_end(&mut text)? > 0 {
            let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let lines = text[..whole].split(|byte| *byte == b'\n');
            found.extend(lines.filter_map(|line| Found::read(line, file)));
            *from += u64::try_from(whole).unwrap_or_default();
            text.drain(..whole);
        }
        Ok(())
    }
}

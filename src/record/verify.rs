//! Holding a record against itself and against the issuer's keys, offline.

mod report;
mod walk;

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use careconnect_verifier::KeySet;

pub use self::report::{Broken, Fault, Report, StreamReport};
use self::walk::Walk;
use super::{
    checkpoint::KnownCheckpoint,
    files::{RecordFile, by_stream},
    stream::stream_of_lock,
};

/// The longest line that is read; one that broke off in a power failure may have anything in it.
const LONGEST: u64 = 1 << 20;

/// Walks every stream in `directory`, a line in memory at a time. Checkpoints are held against `keys`, if there are any, and
/// the streams against how far they are `known` to have come. A server may go on writing meanwhile.
pub fn verify(directory: &Path, keys: Option<&KeySet>, known: &[KnownCheckpoint]) -> io::Result<Report> {
    let mut streams = by_stream(directory)?;
    let unchained = streams.remove("").unwrap_or_default().into_iter().map(|file| file.path).collect();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        stream_of_lock(&name).map(|stream| streams.entry(stream.to_owned()).or_default());
    }
    for known in known {
        streams.entry(known.stream.clone()).or_default();
    }
    let verified = streams.into_iter().map(|(stream, files)| {
        let known = known.iter().filter(|known| known.stream == stream).collect();
        verify_stream(Walk::new(directory, stream, keys, known), files)
    });
    Ok(Report { streams: verified.collect::<io::Result<_>>()?, unchained })
}

fn verify_stream(mut walk: Walk<'_>, files: Vec<RecordFile>) -> io::Result<StreamReport> {
    for file in files {
        let mut lines = match File::open(&file.path) {
            Ok(opened) => BufReader::with_capacity(1 << 16, opened),
            // The oldest may be deleted while we read; the others leave a gap, which the walk finds.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        walk.enter(file);
        let mut line = Vec::new();
        while lines.by_ref().take(LONGEST).read_until(b'\n', &mut line)? > 0 {
            let text = line.strip_suffix(b"\n");
            if walk.line(text.unwrap_or(&line), text.is_some()).is_break() {
                return Ok(walk.end());
            }
            line.clear();
        }
    }
    Ok(walk.end())
}

#[cfg(test)]
mod tests;

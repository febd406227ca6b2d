//! Where a stream ended: read once, when it is taken.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use super::super::{
    files::RecordFile,
    line::{Line, Place},
};

/// How much of a file's end is read to find its last line.
const END: u64 = 1 << 20;

/// Behind the last whole line of a stream, and what stands there: the beginning of a line that broke off. Nothing where the
/// last line is not as it was written.
pub(super) fn end_of(files: &[RecordFile]) -> io::Result<Option<(Place, Vec<u8>)>> {
    let mut rest = Vec::new();
    for file in files.iter().rev() {
        let (end, is_whole_file) = read_end(&file.path)?;
        let lines = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, behind) = end.split_at(lines);
        if let Some(line) = Line::read(behind) {
            return Ok(Some((line.place, Vec::new()))); // it lacks nothing but its line end
        }
        if !behind.is_empty() && !std::mem::replace(&mut rest, behind.to_vec()).is_empty() {
            return Ok(None);
        }
        if let Some(lines) = lines.strip_suffix(b"\n") {
            let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            return Ok(Line::read(last).map(|line| (line.place, rest)));
        }
        if !is_whole_file {
            return Ok(None);
        }
    }
    let from_the_start = files.first().is_none_or(|file| file.first == 1);
    Ok(from_the_start.then_some((Place::START, rest)))
}

/// The end of a file, and whether that is all of it.
fn read_end(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok((end, length <= END))
}

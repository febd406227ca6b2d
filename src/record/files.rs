//! The files of the record: `token-requests-<day>.<stream>.<number of its first line>.jsonl`, and which are old.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::clock::UnixTime;

const DAY: i64 = 24 * 60 * 60;

/// Why there can be no record in a directory.
#[derive(Debug, thiserror::Error)]
#[error("the issuance record cannot be written in {}: {source}", directory.display())]
pub struct RecordError {
    pub(super) directory: PathBuf,
    pub(super) source: io::Error,
}

/// A file of the record, by its name. The order is that in which a stream goes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RecordFile {
    /// Empty in a file of a release without streams.
    pub(super) stream: String,
    /// The number of its first line in the stream, from 1; 0 without a stream.
    pub(super) first: u64,
    /// The UTC day on which it was begun, as `2027-01-15`.
    pub(super) day: String,
    pub(super) path: PathBuf,
}

impl RecordFile {
    pub(super) fn new(directory: &Path, day: String, stream: &str, first: u64) -> Self {
        let path = directory.join(format!("token-requests-{day}.{stream}.{first}.jsonl"));
        Self { stream: stream.to_owned(), first, day, path }
    }

    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_prefix("token-requests-")?.strip_suffix(".jsonl")?;
        let mut parts = name.split('.');
        let (day, stream, first) = (parts.next()?.to_owned(), parts.next(), parts.next());
        let is_day = day.len() == "2027-01-15".len() && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let (stream, first) = match (stream, first, parts.next()) {
            (None, None, None) => (String::new(), 0),
            (Some(stream), Some(first), None) if is_stream(stream) => (stream.to_owned(), first.parse().ok()?),
            _ => return None,
        };
        is_day.then_some(Self { stream, first, day, path })
    }

    /// For appending; made for its owner alone if it is not there.
    pub(super) fn open(&self) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path)
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The UTC day of `time`. Days sort as their texts do.
pub(super) fn day_of(time: UnixTime) -> String {
    time.to_string().split('T').next().unwrap_or_default().to_owned()
}

/// Is this the name of a stream?
pub(super) fn is_stream(name: &str) -> bool {
    name.len() == 8 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn all(directory: &Path) -> io::Result<Vec<RecordFile>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let regular = entries.into_iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    Ok(regular.filter_map(|entry| RecordFile::of(entry.path())).collect())
}

/// The record's files in `directory`, the newest day first.
pub(super) fn newest_first(directory: &Path) -> io::Result<Vec<RecordFile>> {
    let mut files = all(directory)?;
    files.sort_by(|one, other| (&other.day, other.first).cmp(&(&one.day, one.first)));
    Ok(files)
}

/// The files of each stream, in its order; under the empty name those of a release without streams.
pub(super) fn by_stream(directory: &Path) -> io::Result<BTreeMap<String, Vec<RecordFile>>> {
    let mut files = all(directory)?;
    files.sort();
    let mut streams: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for file in files {
        streams.entry(file.stream.clone()).or_default().push(file);
    }
    Ok(streams)
}

/// Deletes the files of days that need not be kept at `now`; `0` days: none. As many days stay in any case, the newest: a
/// clock that is wrong for a moment must not cost the record. A stream loses its beginning, never something in between.
/// Gives what could not be deleted.
pub(super) fn delete_old(directory: &Path, keep_days: i64, now: UnixTime) -> io::Result<Vec<(PathBuf, io::Error)>> {
    let streams = by_stream(directory)?;
    let days: BTreeSet<&String> = streams.values().flatten().map(|file| &file.day).collect();
    let Some(newest_days_begin) = days.iter().nth_back(usize::try_from(keep_days).unwrap_or(usize::MAX)) else {
        return Ok(Vec::new());
    };
    if keep_days == 0 {
        return Ok(Vec::new());
    }
    let kept_from = day_of(now.plus(-keep_days.saturating_mul(DAY))).min((*newest_days_begin).clone());
    let (today, mut failures) = (day_of(now), Vec::new());
    let is_old = |file: &RecordFile| file.day < kept_from;
    for files in streams.values() {
        // A file of a day to come was begun while the clock was wrong: it is as old as the one behind it.
        let old = files.iter().zip(files.iter().skip(1).map(Some).chain([None]));
        let old = old.take_while(|(file, next)| is_old(file) || (file.day > today && next.is_some_and(is_old)));
        for (file, _) in old {
            match fs::remove_file(&file.path) {
                Ok(()) => {
                    tracing::info!(event = "record_deleted", file = %file.path.display(), "an old record is deleted")
                }
                Err(error) => {
                    failures.push((file.path.clone(), error));
                    break;
                }
            }
        }
    }
    Ok(failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn left(names: &[&str], keep_days: i64) -> Vec<bool> {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(format!("token-requests-{name}.jsonl"));
        fs::create_dir(path("2020-01-01")).unwrap();
        names.iter().for_each(|name| fs::write(path(name), "").unwrap());
        assert!(delete_old(directory.path(), keep_days, NOW).unwrap().is_empty());
        names.iter().map(|name| path(name).exists()).collect()
    }

    #[test]
    fn old_files_are_deleted_and_nothing_else() {
        let names = ["2027-01-11", "2027-01-12", "2027-01-13", "old", "2027-01-11.0.1"];
        assert_eq!(left(&names, 0), [true; 5]);
        assert_eq!(left(&names, 4), [true; 5]);
        assert_eq!(left(&names, 2), [true; 5], "the newest three days, however old");
        assert_eq!(left(&names, 1), [false, true, true, true, true]);
    }

    #[test]
    fn a_stream_loses_its_beginning_and_nothing_in_between() {
        let days = ["2027-01-11", "1970-01-01", "2027-01-12", "2099-01-01", "2027-01-13", "2027-01-14", "2027-01-15"];
        let names: Vec<_> = days.iter().zip(1..).map(|(day, first)| format!("{day}.00000000.{first}")).collect();
        let mut names: Vec<_> = names.iter().map(String::as_str).collect();
        assert_eq!(left(&names, 2), [false, false, false, true, true, true, true]);
        assert_eq!(left(&names, 1), [false, false, false, false, false, true, true]);
        names.extend(["2027-01-12.11111111.4", "2027-01-13.11111111.2", "2027-01-11.11111111.1"]);
        assert_eq!(left(&names, 2)[7..], [true, true, false], "another stream");
    }

    #[test]
    fn a_stream_goes_on_in_the_order_of_its_lines_not_of_its_days() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["2027-01-16.0a0a0a0a.2", "2027-01-15.0a0a0a0a.10", "2027-01-15.0a0a0a0a.x", "2027-01-15.A.1"] {
            fs::write(directory.path().join(format!("token-requests-{name}.jsonl")), "").unwrap();
        }
        let streams = by_stream(directory.path()).unwrap();
        assert_eq!(streams["0a0a0a0a"].iter().map(|file| file.first).collect::<Vec<_>>(), [2, 10]);
    }
}

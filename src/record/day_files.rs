//! The files of the record: one for each UTC day, appended to and nothing else, deleted when they are old.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
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

/// A directory with the files of a record.
pub(super) struct DayFiles {
    directory: PathBuf,
    /// How many days before today are kept; `0`: all.
    keep_days: i64,
}

impl DayFiles {
    /// Makes the directory if it is not there, and today's file in it, so that a fault shows at once.
    pub(super) fn open(directory: PathBuf, keep_days: i64, now: UnixTime) -> Result<Self, RecordError> {
        let files = Self { directory, keep_days };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&files.directory);
        match made.and_then(|()| files.open_file(&file_name(now))) {
            Ok(_) => Ok(files),
            Err(source) => Err(RecordError { directory: files.directory, source }),
        }
    }

    fn open_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(self.directory.join(name))
    }

    /// How long the file of that name is, in bytes.
    pub(super) fn length_of(&self, name: &str) -> u64 {
        fs::metadata(self.directory.join(name)).map(|metadata| metadata.len()).unwrap_or_default()
    }

    /// Appends whole lines to the file of that name. Gives the number of bytes of `lines` that it took, and why it took no
    /// more.
    pub(super) fn append(&self, name: &str, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut file = match self.open_file(name) {
            Ok(file) => file,
            Err(error) => return (0, Err(error)),
        };
        let line_end: &[u8] = if ends_in_a_torn_line(&file) { b"\n" } else { b"" };
        let text = [line_end, lines].concat(); // in one write, so that no other process comes between
        let (taken, outcome) = write_until_refused(&mut file, &text);
        (taken.saturating_sub(line_end.len()), outcome)
    }

    /// Deletes the files of days that need not be kept at `now`. As many as the days to keep stay in any case, the newest: a
    /// clock that is wrong for a moment must not cost the record. Gives what could not be deleted.
    pub(super) fn delete_old(&self, now: UnixTime) -> io::Result<Vec<(PathBuf, io::Error)>> {
        if self.keep_days == 0 {
            return Ok(Vec::new());
        }
        let oldest_kept = file_name(now.plus(-self.keep_days.saturating_mul(DAY)));
        let is_old = |path: &Path| name_of(path) < oldest_kept.as_str();
        let always_kept = usize::try_from(self.keep_days.saturating_add(1)).unwrap_or(usize::MAX);
        let mut failures = Vec::new();
        for path in newest_first(&self.directory)?.into_iter().skip(always_kept).filter(|path| is_old(path)) {
            match fs::remove_file(&path) {
                Ok(()) => tracing::info!(event = "record_deleted", file = %path.display(), "an old record is deleted"),
                Err(error) => failures.push((path, error)),
            }
        }
        Ok(failures)
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

fn ends_in_a_torn_line(file: &File) -> bool {
    let mut last = [b'\n'];
    let end = file.metadata().map(|metadata| metadata.len()).unwrap_or_default();
    end > 0 && file.read_exact_at(&mut last, end - 1).is_ok() && last != [b'\n']
}

/// The name of the file for the UTC day of `time`. Names sort as the days do.
pub(super) fn file_name(time: UnixTime) -> String {
    let time = time.to_string();
    format!("token-requests-{}.jsonl", time.split('T').next().unwrap_or_default())
}

/// The record's files in `directory`.
pub(super) fn newest_first(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
    let regular = entries.into_iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut files: Vec<_> = regular.map(|entry| entry.path()).filter(|path| is_ours(name_of(path))).collect();
    files.sort_by(|one, other| other.cmp(one));
    Ok(files)
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn is_ours(name: &str) -> bool {
    let day = name.strip_prefix("token-requests-").and_then(|rest| rest.strip_suffix(".jsonl"));
    day.is_some_and(|day| {
        day.len() == "2027-01-15".len() && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    #[test]
    fn directory_and_files_are_for_their_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a/records");
        DayFiles::open(directory.clone(), 90, NOW).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join("token-requests-2027-01-15.jsonl"))), (0o700, 0o600));
    }

    #[test]
    fn a_torn_line_does_not_spoil_the_next() {
        // R56
        let directory = tempfile::tempdir().unwrap();
        let files = DayFiles::open(directory.path().to_owned(), 90, NOW).unwrap();
        for text in [&b"{\"torn"[..], b"{}\n", b"{}\n"] {
            assert!(matches!(files.append("file", text), (taken, Ok(())) if taken == text.len()));
        }
        assert_eq!(fs::read_to_string(directory.path().join("file")).unwrap(), "{\"torn\n{}\n{}\n");
    }

    #[test]
    fn old_files_are_deleted_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let names = [
            "token-requests-2027-01-11.jsonl",
            "token-requests-2027-01-12.jsonl",
            "token-requests-2027-01-13.jsonl",
            "token-requests-old.jsonl",
        ];
        fs::create_dir(directory.path().join("token-requests-2020-01-01.jsonl")).unwrap();
        for name in names {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let left = |keep_days| {
            let files = DayFiles::open(directory.path().to_owned(), keep_days, NOW).unwrap();
            assert!(files.delete_old(NOW).unwrap().is_empty());
            names.map(|name| directory.path().join(name).exists())
        };
        assert_eq!(left(0), [true; 4]);
        assert_eq!(left(4), [true; 4]);
        assert_eq!(left(2), [false, true, true, true], "the newest three, however old");
        assert_eq!(left(1), [false, false, true, true]);
    }
}

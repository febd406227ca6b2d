//! Which stream a process writes: one that no other process has.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{
    super::{
        files::{RecordFile, by_stream, is_stream},
        line::Place,
    },
    end::end_of,
};
use crate::random;

/// A stream, for as long as the lock is held.
pub(super) struct Taken {
    pub(super) name: String,
    pub(super) lock: File,
    /// Its newest file.
    pub(super) file: Option<RecordFile>,
    /// Behind its last whole line.
    pub(super) place: Place,
    /// What stands behind that line.
    pub(super) rest: Vec<u8>,
}

/// Takes a stream of `directory` that is free, or begins one.
pub(super) fn take(directory: &Path) -> io::Result<Taken> {
    let (mut streams, mut locks) = (by_stream(directory)?, Vec::new());
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        locks.extend(stream_of_lock(&name).map(str::to_owned));
    }
    locks.sort();
    for name in locks {
        // Never made here: of whom a lock is missing, somebody may still hold the one that was deleted.
        let lock = match OpenOptions::new().read(true).write(true).open(lock_file(directory, &name)) {
            Ok(lock) => lock,
            Err(error) => {
                unless_gone(error)?;
                continue;
            }
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let Some(files) = streams.remove(&name) else {
            tracing::warn!(event = "record_gone", stream = name, "a stream of the issuance record has no file left");
            fs::remove_file(lock_file(directory, &name)).or_else(unless_gone)?;
            continue; // a name that was used stands for its own lines for ever
        };
        match end_of(&files)? {
            Some((place, rest)) => return Ok(Taken { name, lock, file: files.last().cloned(), place, rest }),
            None => tracing::error!(
                event = "record_damaged",
                stream = name,
                "the end of a stream of the issuance record was changed: another is begun; see `audit verify`"
            ),
        }
    }
    let name: String = random::bytes::<4>().iter().map(|byte| format!("{byte:02x}")).collect();
    let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(lock_file(directory, &name))?;
    lock.lock()?;
    Ok(Taken { name, lock, file: None, place: Place::START, rest: Vec::new() })
}

fn unless_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn lock_file(directory: &Path, stream: &str) -> PathBuf {
    directory.join(format!("stream-{stream}.lock"))
}

/// The stream that a file of this name is the lock of.
pub(in super::super) fn stream_of_lock(name: &str) -> Option<&str> {
    name.strip_prefix("stream-")?.strip_suffix(".lock").filter(|name| is_stream(name))
}

//! The SQLite file as a thing in a folder: who may read it, and whether it is still there.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    sync::Arc,
};

use super::StorageError;

/// The file that was opened.
#[derive(Clone)]
pub struct SqliteFile(Arc<Identity>);

struct Identity {
    path: String,
    device: u64,
    inode: u64,
}

impl SqliteFile {
    /// Makes an empty file, readable by its owner only, unless there is one; SQLite gives its companions (`-wal`,
    /// `-shm`) the same permissions.
    pub(super) fn open_or_create(path: &str) -> Result<Self, StorageError> {
        if path.contains('?') {
            return Err(StorageError::Settings("an SQLite URL takes no parameters; expected sqlite:FILE"));
        }
        let unavailable = |error: io::Error| StorageError::Unavailable(format!("the file {path:?}: {error}"));
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unavailable(error)),
            _ => {}
        }
        let found = fs::metadata(path).map_err(unavailable)?;
        Ok(Self(Arc::new(Identity { path: path.to_owned(), device: found.dev(), inode: found.ino() })))
    }

    /// Refuses to go on when the path no longer leads to the file that is open: what is written there would be lost,
    /// and what is read there is not what others see.
    pub(super) fn check_in_place(&self) -> Result<(), StorageError> {
        let Identity { path, device, inode } = &*self.0;
        match fs::metadata(path) {
            Ok(found) if (found.dev(), found.ino()) == (*device, *inode) => Ok(()),
            Ok(_) => {
                Err(StorageError::Unavailable(format!("the file {path:?} was replaced: restart to open the new one")))
            }
            Err(error) => Err(StorageError::Unavailable(format!("the file {path:?}: {error}"))),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.0.path
    }
}

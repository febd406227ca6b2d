//! Files and directories that nobody else may read: made so, and refused when they are otherwise.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use zeroize::Zeroizing;

use super::SigningError;
use crate::random;

/// Reads a private file and when it was written; refuses one that others can read.
pub(super) fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, SystemTime), SigningError> {
    let metadata = fs::metadata(path).map_err(|source| io_error(path, source))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SigningError::ReadableByOthers { path: path.to_owned(), mode });
    }
    let written = metadata.modified().map_err(|source| io_error(path, source))?;
    let content = fs::read(path).map_err(|source| io_error(path, source))?;
    Ok((content.into(), written))
}

/// Writes a file of mode 0600 so that it is there whole or not at all, whatever happens meanwhile.
pub(super) fn write(directory: &Path, name: &str, content: &[u8]) -> Result<PathBuf, SigningError> {
    let path = directory.join(name);
    let unfinished = directory.join(format!(".{name}.unfinished"));
    let outcome = (|| {
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {} // what an interrupted earlier attempt left
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(directory)?.sync_all()
    })();
    outcome.map(|()| path.clone()).map_err(|source| io_error(&path, source))
}

/// Writes a file as [`write`] does, but never over one that is there: then `false`, and nothing was done.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<bool, SigningError> {
    if path.exists() {
        return Ok(false);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(directory)?;
    let unfinished = write(directory, &format!(".unfinished-{}", random::uuid()), content)?;
    let linked = fs::hard_link(&unfinished, path); // unlike a rename, it takes nobody's place
    fs::remove_file(&unfinished).map_err(|source| io_error(&unfinished, source))?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true).map_err(|source| io_error(path, source)),
    }
}

/// Makes the directory with mode 0700, unless it is there.
pub(super) fn make_directory(path: &Path) -> Result<(), SigningError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| io_error(path, source))
}

/// Refuses a directory in which others can put files.
pub(super) fn refuse_shared_directory(path: &Path) -> Result<(), SigningError> {
    let mode = fs::metadata(path).map_err(|source| io_error(path, source))?.permissions().mode() & 0o777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(SigningError::WritableByOthers { path: path.to_owned(), mode }) }
}

pub(super) fn io_error(path: &Path, source: io::Error) -> SigningError {
    SigningError::Io { path: path.to_owned(), source }
}

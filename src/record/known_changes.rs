//! What this machine knows of the audit of changes, which is in a database that others may write to: how far it was signed
//! here. It stands beside the issuance record, so that an audit that was written anew is neither signed nor believed.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::KnownCheckpoint;

/// The file, in `record.directory`.
const FILE: &str = "changes.checkpoint";

/// Where it stands.
pub fn known_changes_file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// Up to where this machine has signed the audit, if it has.
pub fn read_known_changes(directory: &Path) -> io::Result<Option<KnownCheckpoint>> {
    let text = match fs::read_to_string(known_changes_file(directory)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    text.trim_end().parse().map(Some).map_err(|error: String| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Keeps how far it is signed now, in place of what was known before.
pub fn keep_known_changes(directory: &Path, known: &KnownCheckpoint) -> io::Result<()> {
    let new = directory.join(format!("{FILE}.{}", std::process::id()));
    let mut file = fs::File::create(&new)?;
    file.write_all(format!("{known}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, known_changes_file(directory))
}

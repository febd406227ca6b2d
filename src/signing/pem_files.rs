//! Unsealed private keys as releases before this one kept them: `<ALG>-<kid>.pem`, PKCS#8. They are read, never written.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use careconnect_verifier::Algorithm;

use super::{SigningError, SigningKey, pkcs8, pkcs8::Pkcs8, private_file};
use crate::clock::UnixTime;

/// A key with the file that it is in.
pub struct PemFile {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its id.
    pub kid: String,
    /// Its file.
    pub path: PathBuf,
    /// When the file was written.
    pub written_at: UnixTime,
    /// The key itself.
    pub private_half: Pkcs8,
}

/// Reads the first private key of a PEM file (PKCS#8, PKCS#1 or SEC1) or a JWK, as PKCS#8.
pub fn read_private_key(algorithm: Algorithm, file: &Path) -> Result<Pkcs8, SigningError> {
    let content = fs::read(file).map_err(|source| private_file::io_error(file, source))?;
    let rejected = |rejection| SigningError::KeyRejected { path: file.to_owned(), rejection };
    let private_half = pkcs8::from_text(algorithm, &zeroize::Zeroizing::new(content)).map_err(rejected)?;
    SigningKey::from_pkcs8(algorithm, &private_half).map_err(rejected)?;
    Ok(private_half)
}

/// The key files in `directory`, the oldest first; none when it is not there. Others in it are none of our business.
pub fn pem_files(directory: &Path) -> Result<Vec<PemFile>, SigningError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        outcome => outcome.map_err(|source| private_file::io_error(directory, source))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| private_file::io_error(directory, source))?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "pem") {
            found.push(read(path)?);
        }
    }
    if !found.is_empty() {
        private_file::refuse_shared_directory(directory)?;
    }
    found.sort_by(|one, other| (one.written_at, &one.kid).cmp(&(other.written_at, &other.kid)));
    Ok(found)
}

fn read(path: PathBuf) -> Result<PemFile, SigningError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(Ok(algorithm)) = name.split_once('-').map(|(algorithm, _)| Algorithm::parse(algorithm)) else {
        return Err(SigningError::NameDiffers { path, expected: "<algorithm>-<kid>.pem".to_owned() });
    };
    let (_, written) = private_file::read(&path)?;
    let private_half = read_private_key(algorithm, &path)?;
    let kid = SigningKey::from_pkcs8(algorithm, &private_half)?.kid().to_string();
    let expected = format!("{algorithm}-{kid}.pem");
    if name != expected {
        return Err(SigningError::NameDiffers { path, expected });
    }
    let elapsed = written.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let written_at = UnixTime(i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX));
    Ok(PemFile { algorithm, kid, path, written_at, private_half })
}

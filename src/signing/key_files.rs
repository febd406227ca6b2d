//! The back-end that keeps private keys as files: `<ALG>-<kid>.pem`, PKCS#8, for their owner only.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use careconnect_verifier::Algorithm;

use zeroize::Zeroizing;

use super::{KeyRejection, SigningError, SigningKey, pkcs8, private_file};
use crate::clock::UnixTime;

/// A directory of private keys.
#[derive(Debug)]
pub struct KeyFiles {
    directory: PathBuf,
}

/// A key with the file that it is in.
#[derive(Debug)]
pub struct StoredKey {
    /// The key.
    pub key: SigningKey,
    /// Its file.
    pub path: PathBuf,
    /// When the file was written.
    pub written: SystemTime,
}

impl StoredKey {
    /// When the file was written, in whole seconds.
    pub fn written_at(&self) -> UnixTime {
        let elapsed = self.written.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixTime(i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX))
    }
}

impl KeyFiles {
    /// The files of `directory`, which need not be there yet.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads all keys, the oldest file first and those of one age in the order of their `kid`s. Changes nothing.
    pub fn load(&self) -> Result<Vec<StoredKey>, SigningError> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            outcome => outcome.map_err(|source| private_file::io_error(&self.directory, source))?,
        };
        private_file::refuse_shared_directory(&self.directory)?;
        let mut keys: Vec<StoredKey> = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| private_file::io_error(&self.directory, source))?.path();
            if is_key_file(&path) {
                let stored = read(path)?;
                refuse_shared_key(&keys, &stored.key)?;
                keys.push(stored);
            }
        }
        keys.sort_by(|one, other| (one.written, one.key.kid()).cmp(&(other.written, other.key.kid())));
        Ok(keys)
    }

    /// Makes a key for each algorithm that has none and for which this build can make one, then reads all keys.
    /// Processes that do this at the same time end up with the same keys.
    pub fn load_or_create(&self) -> Result<Vec<StoredKey>, SigningError> {
        let lacks = |keys: &[StoredKey], algorithm| {
            SigningKey::can_generate(algorithm) && !keys.iter().any(|stored| stored.key.algorithm() == algorithm)
        };
        let keys = self.load()?;
        if !Algorithm::FOR_TOKENS.into_iter().any(|algorithm| lacks(&keys, algorithm)) {
            return Ok(keys);
        }
        let _held = private_file::hold_directory(&self.directory)?;
        let keys = self.load()?;
        for algorithm in Algorithm::FOR_TOKENS.into_iter().filter(|&algorithm| lacks(&keys, algorithm)) {
            let (key, private_half) =
                SigningKey::generate(algorithm).map_err(|rejection| rejected(&self.directory, rejection))?;
            match self.write(&key, &private_half) {
                // A directory that others fill, mounted for reading: what is there must do.
                Err(error) if !keys.is_empty() && is_read_only(&error) => {
                    tracing::warn!(%algorithm, %error, "no key was made for an algorithm without one");
                }
                outcome => drop(outcome?),
            }
        }
        self.load()
    }

    /// Takes over the first private key of a PEM file (PKCS#8, PKCS#1 or SEC1). It is the newest of its algorithm then.
    pub fn import(&self, algorithm: Algorithm, file: &Path) -> Result<StoredKey, SigningError> {
        let pem = fs::read(file).map_err(|source| private_file::io_error(file, source))?;
        let (key, private_half) =
            SigningKey::from_pem(algorithm, &Zeroizing::new(pem)).map_err(|rejection| rejected(file, rejection))?;
        let _held = private_file::hold_directory(&self.directory)?;
        refuse_shared_key(&self.load()?, &key)?;
        read(self.write(&key, &private_half)?)
    }

    fn write(&self, key: &SigningKey, private_half: &[u8]) -> Result<PathBuf, SigningError> {
        private_file::write(&self.directory, &file_name(key), pkcs8::to_pem(private_half).as_bytes())
    }
}

fn file_name(key: &SigningKey) -> String {
    format!("{}-{}.pem", key.algorithm(), key.kid())
}

/// Others in the directory are none of our business; hidden ones are unfinished.
fn is_key_file(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|extension| extension == "pem")
}

fn read(path: PathBuf) -> Result<StoredKey, SigningError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(Ok(algorithm)) = name.split_once('-').map(|(algorithm, _)| Algorithm::parse(algorithm)) else {
        return Err(SigningError::NameDiffers { path, expected: "<algorithm>-<kid>.pem".to_owned() });
    };
    let (pem, written) = private_file::read(&path)?;
    let (key, _) = SigningKey::from_pem(algorithm, &pem).map_err(|rejection| rejected(&path, rejection))?;
    let expected = file_name(&key);
    if name == expected {
        Ok(StoredKey { key, path, written })
    } else {
        Err(SigningError::NameDiffers { path, expected })
    }
}

/// A `kid` must stand for one key and one algorithm (R43).
fn refuse_shared_key(keys: &[StoredKey], key: &SigningKey) -> Result<(), SigningError> {
    match keys.iter().find(|other| other.key.kid() == key.kid() && other.key.algorithm() != key.algorithm()) {
        Some(other) => Err(SigningError::KeyShared { path: other.path.clone(), algorithm: other.key.algorithm() }),
        None => Ok(()),
    }
}

fn is_read_only(error: &SigningError) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error, SigningError::Io { source, .. } if [PermissionDenied, ReadOnlyFilesystem].contains(&source.kind()))
}

fn rejected(path: &Path, rejection: KeyRejection) -> SigningError {
    SigningError::KeyRejected { path: path.to_owned(), rejection }
}

#[cfg(test)]
mod tests;

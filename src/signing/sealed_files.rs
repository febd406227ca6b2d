//! The back-end that keeps private keys as sealed files: `<ALG>-<kid>.key` in a directory.

use std::{fs, io, path::PathBuf, sync::Arc};

use careconnect_verifier::Algorithm;

use super::{KeyStore, NewKey, SigningError, SigningKey, pkcs8::Pkcs8, private_file, sealing::SealingKeys};
use crate::domain::{PrivateHalf, SealedText, SigningKeyRecord};

/// A directory of sealed private keys.
#[derive(Debug)]
pub struct SealedFiles {
    directory: PathBuf,
    sealing: Arc<SealingKeys>,
}

impl SealedFiles {
    /// The files of `directory`, which is made with the first of them.
    pub const fn new(directory: PathBuf, sealing: Arc<SealingKeys>) -> Self {
        Self { directory, sealing }
    }

    fn path(&self, algorithm: Algorithm, kid: &str) -> PathBuf {
        self.directory.join(file_name(algorithm, kid))
    }

    fn read(&self, record: &SigningKeyRecord) -> Result<Pkcs8, SigningError> {
        let path = self.path(record.algorithm, &record.kid);
        let (text, _) = match private_file::read(&path) {
            Err(SigningError::Io { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(SigningError::FileMissing { path });
            }
            read => read?,
        };
        private_file::refuse_shared_directory(&self.directory)?;
        let text = SealedText(String::from_utf8_lossy(&text).trim().to_owned());
        self.sealing.open(record.algorithm, &record.kid, &text)
    }

    fn write(&self, algorithm: Algorithm, kid: &str, private_half: &[u8]) -> Result<PrivateHalf, SigningError> {
        let SealedText(text) = self.sealing.seal(algorithm, kid, private_half)?;
        private_file::make_directory(&self.directory)?;
        private_file::write(&self.directory, &file_name(algorithm, kid), text.as_bytes())?;
        Ok(PrivateHalf::File)
    }

    fn keep(&self, key: &SigningKey, private_half: &[u8]) -> Result<NewKey, SigningError> {
        let private_half = self.write(key.algorithm(), key.kid(), private_half)?;
        Ok(NewKey { algorithm: key.algorithm(), jwk: key.public().clone(), private_half })
    }
}

impl KeyStore for SealedFiles {
    fn makes(&self) -> Vec<Algorithm> {
        SigningKey::generated()
    }

    fn make(&self, algorithm: Algorithm) -> Result<NewKey, SigningError> {
        let (key, private_half) = SigningKey::generate(algorithm)?;
        self.keep(&key, &private_half)
    }

    fn import(&self, algorithm: Algorithm, private_half: &Pkcs8) -> Result<NewKey, SigningError> {
        self.keep(&SigningKey::from_pkcs8(algorithm, private_half)?, private_half)
    }

    fn open(&self, record: &SigningKeyRecord) -> Result<SigningKey, SigningError> {
        Ok(SigningKey::from_pkcs8(record.algorithm, &self.read(record)?)?)
    }

    fn destroy(&self, algorithm: Algorithm, kid: &str, _half: &PrivateHalf) -> Result<(), SigningError> {
        let path = self.path(algorithm, kid);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(private_file::io_error(&path, error)),
            _ => Ok(()),
        }
    }

    fn reseal(&self, record: &SigningKeyRecord) -> Result<PrivateHalf, SigningError> {
        let private_half = self.read(record)?;
        self.write(record.algorithm, &record.kid, &private_half)
    }
}

fn file_name(algorithm: Algorithm, kid: &str) -> String {
    format!("{algorithm}-{kid}.key")
}

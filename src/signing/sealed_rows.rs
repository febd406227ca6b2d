//! The back-end that keeps private keys sealed in the database, where all nodes that have the sealing key can open them.

use std::sync::Arc;

use careconnect_verifier::Algorithm;

use super::{KeyStore, NewKey, SigningError, SigningKey, pkcs8::Pkcs8, sealing::SealingKeys};
use crate::domain::{PrivateHalf, SealedText, SigningKeyRecord};

/// Sealed private keys in their records.
#[derive(Debug)]
pub struct SealedRows {
    sealing: Arc<SealingKeys>,
}

impl SealedRows {
    /// Those that are sealed under these keys.
    pub const fn new(sealing: Arc<SealingKeys>) -> Self {
        Self { sealing }
    }

    fn seal(&self, key: &SigningKey, private_half: &[u8]) -> Result<NewKey, SigningError> {
        let sealed = self.sealing.seal(key.algorithm(), key.kid(), private_half)?;
        Ok(NewKey { algorithm: key.algorithm(), jwk: key.public().clone(), private_half: PrivateHalf::Row(sealed) })
    }

    fn unseal(&self, record: &SigningKeyRecord, text: &SealedText) -> Result<Pkcs8, SigningError> {
        self.sealing.open(record.algorithm, &record.kid, text)
    }
}

impl KeyStore for SealedRows {
    fn makes(&self) -> Vec<Algorithm> {
        SigningKey::generated()
    }

    fn make(&self, algorithm: Algorithm) -> Result<NewKey, SigningError> {
        let (key, private_half) = SigningKey::generate(algorithm)?;
        self.seal(&key, &private_half)
    }

    fn import(&self, algorithm: Algorithm, private_half: &Pkcs8) -> Result<NewKey, SigningError> {
        self.seal(&SigningKey::from_pkcs8(algorithm, private_half)?, private_half)
    }

    fn open(&self, record: &SigningKeyRecord) -> Result<SigningKey, SigningError> {
        let PrivateHalf::Row(text) = &record.private_half else {
            return Err(SigningError::NoSuchPlace(record.private_half.kept_in().name()));
        };
        Ok(SigningKey::from_pkcs8(record.algorithm, &self.unseal(record, text)?)?)
    }

    /// It ends with the text in its record.
    fn destroy(&self, _algorithm: Algorithm, _kid: &str, _half: &PrivateHalf) -> Result<(), SigningError> {
        Ok(())
    }

    fn reseal(&self, record: &SigningKeyRecord) -> Result<PrivateHalf, SigningError> {
        match &record.private_half {
            PrivateHalf::Row(text) if !self.sealing.is_current(text) => {
                let private_half = self.unseal(record, text)?;
                Ok(PrivateHalf::Row(self.sealing.seal(record.algorithm, &record.kid, &private_half)?))
            }
            unchanged => Ok(unchanged.clone()),
        }
    }
}

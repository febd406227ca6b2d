//! A token as a place for the server's keys.

use careconnect_verifier::Algorithm;

use super::{Pkcs11Error, Pkcs11Store};
use crate::{
    domain::{PrivateHalf, SigningKeyRecord},
    signing::{KeyStore, NewKey, Pkcs8, SigningError, SigningKey},
};

/// What all tokens know.
pub(in crate::signing) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Rs256];

impl KeyStore for Pkcs11Store {
    fn makes(&self) -> Vec<Algorithm> {
        ALGORITHMS.to_vec()
    }

    fn make(&self, algorithm: Algorithm) -> Result<NewKey, SigningError> {
        let (jwk, handle) = self.generate(algorithm)?;
        Ok(NewKey { algorithm, jwk, private_half: PrivateHalf::Token(handle) })
    }

    fn import(&self, algorithm: Algorithm, private_half: &Pkcs8) -> Result<NewKey, SigningError> {
        let (jwk, handle) = Self::import(self, algorithm, private_half)?;
        Ok(NewKey { algorithm, jwk, private_half: PrivateHalf::Token(handle) })
    }

    fn open(&self, record: &SigningKeyRecord) -> Result<SigningKey, SigningError> {
        let handle = handle(&record.private_half)?;
        Ok(SigningKey::in_token(record.algorithm, self.key(record.algorithm, handle)?))
    }

    fn destroy(&self, algorithm: Algorithm, kid: &str, half: &PrivateHalf) -> Result<(), SigningError> {
        let handle = handle(half)?;
        match self.key(algorithm, handle).map(|key| key.public().thumbprint()) {
            Ok(found) if found != kid => return Err(SigningError::AnotherKey { kid: kid.to_owned(), found }),
            _ => {}
        }
        match Self::destroy(self, handle) {
            Err(SigningError::Token(Pkcs11Error::KeyGone { .. })) => Ok(()),
            outcome => outcome,
        }
    }

    /// The token seals.
    fn reseal(&self, record: &SigningKeyRecord) -> Result<PrivateHalf, SigningError> {
        Ok(record.private_half.clone())
    }
}

fn handle(half: &PrivateHalf) -> Result<&str, SigningError> {
    match half {
        PrivateHalf::Token(handle) => Ok(handle),
        other => Err(SigningError::NoSuchPlace(other.kept_in().name())),
    }
}

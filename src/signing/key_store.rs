//! Where private keys are kept: one trait, and the places that this server knows. Each passes the same suite
//! (`conformance.rs`).

use std::{fmt, path::PathBuf, sync::Arc};

use careconnect_verifier::Algorithm;

use super::{
    SealedFiles, SealedRows, SigningError, SigningKey,
    pkcs8::Pkcs8,
    pkcs11::{Pkcs11Settings, Pkcs11Store},
    private_file,
    sealing::SealingKeys,
};
use crate::{
    config::{self, Pkcs11Token},
    domain::{KeptIn, PrivateHalf, PublicJwk, SealedText, SigningKeyRecord},
};

/// A place for private keys. It knows nothing of their life. Its work takes time: never on a thread that serves.
pub trait KeyStore: Send + Sync {
    /// What it can make keys for.
    fn makes(&self) -> Vec<Algorithm>;

    /// Makes a key and keeps its private half.
    fn make(&self, algorithm: Algorithm) -> Result<NewKey, SigningError>;

    /// Keeps a private half that was made elsewhere (PKCS#8).
    fn import(&self, algorithm: Algorithm, private_half: &Pkcs8) -> Result<NewKey, SigningError>;

    /// The key with which tokens are signed.
    fn open(&self, record: &SigningKeyRecord) -> Result<SigningKey, SigningError>;

    /// Destroys the private half, if it is still there.
    fn destroy(&self, algorithm: Algorithm, kid: &str, half: &PrivateHalf) -> Result<(), SigningError>;

    /// Seals it under the sealing key in use; gives what is to be written into its record.
    fn reseal(&self, record: &SigningKeyRecord) -> Result<PrivateHalf, SigningError>;
}

/// A key that is kept, and not known to anybody yet.
#[derive(Debug)]
pub struct NewKey {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its public half.
    pub jwk: PublicJwk,
    /// Where the private half is.
    pub private_half: PrivateHalf,
}

/// Where keys are, as the configuration has it.
#[derive(Debug, Clone)]
pub struct KeyPlaces {
    /// Where new ones are kept.
    pub new_keys: KeptIn,
    /// Of sealed files.
    pub directory: PathBuf,
    /// Of the key-encryption key.
    pub sealing_key: PathBuf,
    /// Of key-encryption keys that sealed what is not sealed anew yet.
    pub former_sealing_keys: Vec<PathBuf>,
    /// The PKCS#11 token, if there is one.
    pub token: Option<Pkcs11Token>,
}

impl From<&config::Keys> for KeyPlaces {
    fn from(section: &config::Keys) -> Self {
        Self {
            new_keys: section.store.kept_in(),
            directory: section.directory.clone(),
            sealing_key: section.sealing_key_file.clone(),
            former_sealing_keys: section.former_sealing_key_files.clone(),
            token: section.pkcs11_token(),
        }
    }
}

/// All places at once: keys stay where they were made when new ones are made elsewhere.
pub struct KeyStores {
    places: KeyPlaces,
    sealing: Arc<SealingKeys>,
    files: SealedFiles,
    rows: SealedRows,
    token: Option<Pkcs11Store>,
}

impl KeyStores {
    /// Opens the places. The sealing key must be there, unless these are `the_first`: then it is made.
    pub fn open(places: KeyPlaces, the_first: bool) -> Result<Self, SigningError> {
        if the_first && SealingKeys::make(&places.sealing_key)? {
            let file = places.sealing_key.display();
            tracing::warn!(event = "sealing_key_made", %file, "a sealing key was made: keep a copy of it, away from the keys");
        }
        let sealing = Arc::new(SealingKeys::load(&places.sealing_key, &places.former_sealing_keys)?);
        let files = SealedFiles::new(places.directory.clone(), sealing.clone());
        let token = places.token.as_ref().map(open_token).transpose()?;
        Ok(Self { files, rows: SealedRows::new(sealing.clone()), token, sealing, places })
    }

    /// Those of a register that has these keys.
    pub fn of(places: KeyPlaces, known: &[SigningKeyRecord]) -> Result<Self, SigningError> {
        Self::open(places, known.is_empty())
    }

    /// The id of the sealing key in use.
    pub fn sealing_key_id(&self) -> &str {
        self.sealing.current_id()
    }

    /// Was the record made by a holder of the sealing key? No other is published, or believed.
    pub fn confirm(&self, record: &SigningKeyRecord) -> Result<(), SigningError> {
        self.sealing.confirm(record.algorithm, &record.kid, &record.proof)
    }

    /// What confirms a record.
    pub fn vouch(&self, algorithm: Algorithm, kid: &str) -> Result<SealedText, SigningError> {
        self.sealing.vouch(algorithm, kid)
    }

    /// Where new keys are kept.
    pub fn for_new_keys(&self) -> Result<&dyn KeyStore, SigningError> {
        self.place(self.places.new_keys)
    }

    /// Where unsealed keys of earlier releases are, and sealed ones of this.
    pub fn directory(&self) -> &std::path::Path {
        &self.places.directory
    }

    /// The key of a record.
    pub fn key(&self, record: &SigningKeyRecord) -> Result<SigningKey, SigningError> {
        let key = self.place(record.private_half.kept_in())?.open(record)?;
        if *key.kid() == record.kid {
            Ok(key)
        } else {
            Err(SigningError::AnotherKey { kid: record.kid.to_string(), found: key.kid().to_string() })
        }
    }

    /// Destroys a private half, if it is still there.
    pub fn destroy(&self, algorithm: Algorithm, kid: &str, half: &PrivateHalf) -> Result<(), SigningError> {
        match half {
            PrivateHalf::Nowhere => Ok(()),
            half => self.place(half.kept_in())?.destroy(algorithm, kid, half),
        }
    }

    /// Seals what is sealed of a key under the sealing key in use; gives its record as it is to be. One that no holder of a
    /// sealing key made is refused.
    pub fn reseal(&self, record: SigningKeyRecord) -> Result<SigningKeyRecord, SigningError> {
        self.confirm(&record)?;
        let private_half = match record.private_half.kept_in() {
            KeptIn::Nowhere => PrivateHalf::Nowhere,
            kept_in => self.place(kept_in)?.reseal(&record)?,
        };
        let proof = match self.sealing.is_current(&record.proof) {
            true => record.proof,
            false => self.vouch(record.algorithm, &record.kid)?,
        };
        Ok(SigningKeyRecord { private_half, proof, ..record })
    }

    fn place(&self, kept_in: KeptIn) -> Result<&dyn KeyStore, SigningError> {
        match kept_in {
            KeptIn::Files => Ok(&self.files),
            KeptIn::Database => Ok(&self.rows),
            KeptIn::Pkcs11 => match &self.token {
                Some(token) => Ok(token),
                None => Err(SigningError::NoSuchPlace(kept_in.name())),
            },
            KeptIn::Nowhere => Err(SigningError::NoSuchPlace(kept_in.name())),
        }
    }
}

fn open_token(token: &Pkcs11Token) -> Result<Pkcs11Store, SigningError> {
    let (pin, _) = private_file::read(&token.pin_file)?;
    let pin = String::from_utf8_lossy(&pin).trim_end_matches(['\r', '\n']).to_owned().into();
    Pkcs11Store::open(&Pkcs11Settings { module: token.module.clone(), token: token.label.clone(), pin })
}

impl fmt::Debug for KeyStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyStores({})", self.places.new_keys.name())
    }
}

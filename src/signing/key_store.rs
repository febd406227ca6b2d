//! Where private keys are kept: one trait, and the places that this server knows. Each passes the same suite
//! (`conformance.rs`).

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use careconnect_verifier::Algorithm;

use super::{
    SealedFiles, SealedRows, SigningError, SigningKey,
    pkcs8::Pkcs8,
    pkcs11::{self, Pkcs11Settings, Pkcs11Store},
    private_file,
    sealing::SealingKeys,
};
use crate::{
    clock::UnixTime,
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

impl NewKey {
    /// Its record, which nobody has vouched for yet.
    pub fn record(self, published_at: UnixTime, activates_at: UnixTime) -> SigningKeyRecord {
        SigningKeyRecord {
            kid: self.jwk.thumbprint().into(),
            algorithm: self.algorithm,
            jwk: self.jwk,
            published_at,
            activates_at,
            retired_at: None,
            gone_at: None,
            withdrawn_at: None,
            private_half: self.private_half,
            proof: SealedText::default(),
        }
    }
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

impl KeyPlaces {
    /// What new keys can be made for.
    pub fn makes(&self) -> Vec<Algorithm> {
        match self.new_keys {
            KeptIn::Pkcs11 => pkcs11::ALGORITHMS.to_vec(),
            _ => SigningKey::generated(),
        }
    }
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
    /// Opened when it is needed first: without it, what is kept elsewhere goes on.
    token: OnceLock<Pkcs11Store>,
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
        Ok(Self { files, rows: SealedRows::new(sealing.clone()), token: OnceLock::new(), sealing, places })
    }

    /// Those of a register that has these keys.
    pub fn of(places: KeyPlaces, known: &[SigningKeyRecord]) -> Result<Self, SigningError> {
        Self::open(places, known.is_empty())
    }

    /// The id of the sealing key in use.
    pub fn sealing_key_id(&self) -> &str {
        self.sealing.current_id()
    }

    /// Those that the sealing key confirms: only they are published, and believed. Refuses where it confirms none of those that
    /// live: then it is not the sealing key of this database.
    pub fn confirmed(&self, records: Vec<SigningKeyRecord>) -> Result<Vec<SigningKeyRecord>, SigningError> {
        let refusal = records.iter().find(|record| record.is_live()).and_then(|record| self.confirm(record).err());
        let confirmed: Vec<_> = records.into_iter().filter(|record| self.confirm(record).is_ok()).collect();
        match refusal {
            Some(error) if !confirmed.iter().any(SigningKeyRecord::is_live) => Err(error),
            _ => Ok(confirmed),
        }
    }

    /// Was the record made by a holder of the sealing key? No other is published, or believed.
    pub fn confirm(&self, record: &SigningKeyRecord) -> Result<(), SigningError> {
        self.sealing.confirm(record)
    }

    /// The record with what confirms it as it is.
    pub fn vouched(&self, record: SigningKeyRecord) -> Result<SigningKeyRecord, SigningError> {
        Ok(SigningKeyRecord { proof: self.sealing.vouch(&record)?, ..record })
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
        if self.sealing.is_current(&record.proof) && private_half == record.private_half {
            return Ok(record);
        }
        self.vouched(SigningKeyRecord { private_half, ..record })
    }

    fn place(&self, kept_in: KeptIn) -> Result<&dyn KeyStore, SigningError> {
        match kept_in {
            KeptIn::Files => Ok(&self.files),
            KeptIn::Database => Ok(&self.rows),
            KeptIn::Pkcs11 => self.token(),
            KeptIn::Nowhere => Err(SigningError::NoSuchPlace(kept_in.name())),
        }
    }
}

impl KeyStores {
    fn token(&self) -> Result<&dyn KeyStore, SigningError> {
        let known = self.places.token.as_ref().ok_or(SigningError::NoSuchPlace(KeptIn::Pkcs11.name()))?;
        match self.token.get() {
            Some(token) => Ok(token),
            None => {
                let opened = open_token(known)?;
                Ok(self.token.get_or_init(|| opened))
            }
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

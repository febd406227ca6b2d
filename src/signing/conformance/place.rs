//! A place for keys, for the suite.

use std::{path::Path, sync::Arc};

use careconnect_verifier::Algorithm;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{
    super::{KeyPlaces, KeyStores, Keys, NewKey, pkcs11::Pkcs11Settings, private_file, read_private_key},
    NOW,
};
use crate::{
    clock::{ManualClock, UnixTime},
    config::Pkcs11Token,
    domain::{KeptIn, KeySchedule, SigningKeyRecord},
};

/// A place for keys, and the records that belong to it.
pub(super) struct Place {
    pub(super) kept_in: KeptIn,
    directory: TempDir,
    token: Option<Pkcs11Token>,
}

impl Place {
    pub(super) fn new(kept_in: KeptIn) -> Self {
        Self { kept_in, directory: tempfile::tempdir().unwrap(), token: None }
    }

    pub(super) fn in_token(settings: &Pkcs11Settings) -> Self {
        let mut place = Self::new(KeptIn::Pkcs11);
        let pin_file = place.path().join("pin");
        private_file::write_new(&pin_file, settings.pin.expose_secret().as_bytes()).unwrap();
        let (module, label) = (settings.module.clone(), settings.token.clone());
        place.token = Some(Pkcs11Token { module, label, pin_file });
        place
    }

    /// Another one of the same kind; there is one token in a test.
    pub(super) fn another(&self) -> Self {
        Self { token: self.token.clone(), ..Self::new(self.kept_in) }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn places(&self) -> KeyPlaces {
        KeyPlaces {
            new_keys: self.kept_in,
            directory: self.path().join("keys"),
            sealing_key: self.path().join("sealing-key"),
            former_sealing_keys: Vec::new(),
            token: self.token.clone(),
        }
    }

    pub(super) fn stores(&self) -> Arc<KeyStores> {
        Arc::new(KeyStores::open(self.places(), true).unwrap())
    }

    /// A key of every algorithm that this place can have: those that it cannot make are imported.
    pub(super) fn records(&self) -> Vec<SigningKeyRecord> {
        let stores = self.stores();
        let made = stores.for_new_keys().unwrap().makes();
        let mut records: Vec<_> = made.iter().map(|algorithm| self.record(make(&stores, *algorithm))).collect();
        for (algorithm, file) in [(Algorithm::Rs256, "rsa-2048.pem"), (Algorithm::Ps256, "rsa-2048-other.pkcs1.pem")] {
            if !made.contains(&algorithm) && self.kept_in != KeptIn::Pkcs11 {
                records.push(self.record(import(&stores, algorithm, file)));
            }
        }
        records
    }

    pub(super) fn record(&self, made: NewKey) -> SigningKeyRecord {
        self.vouched(made.record(NOW, NOW))
    }

    /// As the sealing key of this place confirms it.
    pub(super) fn vouched(&self, record: SigningKeyRecord) -> SigningKeyRecord {
        self.stores().vouched(record).unwrap()
    }

    pub(super) fn keys(&self, records: Vec<SigningKeyRecord>) -> Keys {
        keys_of(self.stores(), records, NOW)
    }
}

pub(super) fn keys_of(stores: Arc<KeyStores>, records: Vec<SigningKeyRecord>, now: UnixTime) -> Keys {
    let schedule = KeySchedule { rotate_every: None, publish_ahead: 100, cache_time: 100, keep_after: 100 };
    Keys::open(stores, schedule, Arc::new(ManualClock::at(now)), records.into())
}

pub(super) fn make(stores: &KeyStores, algorithm: Algorithm) -> NewKey {
    stores.for_new_keys().unwrap().make(algorithm).unwrap()
}

pub(super) fn import(stores: &KeyStores, algorithm: Algorithm, file: &str) -> NewKey {
    stores.for_new_keys().unwrap().import(algorithm, &read_private_key(algorithm, &pem(file)).unwrap()).unwrap()
}

pub(in crate::signing) fn pem(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/throwaway_keys").join(name)
}

//! Which providers have fetched the key set: noted in memory, written in the background, told to operators.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use careconnect_verifier::Asid;

use crate::{
    domain::KeySetFetch,
    storage::{Database, StorageError},
};

/// How exact the times are, in seconds.
const PRECISION: i64 = 60;

/// The fetches that this process has seen; bounded by the number of providers.
#[derive(Debug, Default)]
pub struct KeySetFetches {
    noted: Mutex<HashMap<(Asid, bool), Noted>>,
}

#[derive(Debug)]
struct Noted {
    fetch: KeySetFetch,
    is_written: bool,
}

impl KeySetFetches {
    /// Notes a fetch of a registered provider.
    pub fn note(&self, fetch: KeySetFetch) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let of = (fetch.asid.clone(), fetch.proven);
        let is_known = noted.get(&of).is_some_and(|last| {
            last.fetch.kids == fetch.kids && fetch.fetched_at.since(last.fetch.fetched_at) < PRECISION
        });
        if !is_known {
            noted.insert(of, Noted { fetch, is_written: false });
        }
    }

    /// Writes what was noted since; what cannot be written stays until it can.
    pub async fn write_once(&self, database: &Database) -> Result<(), StorageError> {
        let unwritten: Vec<KeySetFetch> = {
            let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.values().filter(|noted| !noted.is_written).map(|noted| noted.fetch.clone()).collect()
        };
        if unwritten.is_empty() {
            return Ok(());
        }
        database.record_key_set_fetches(&unwritten).await?;
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        for fetch in unwritten {
            if let Some(now) = noted.get_mut(&(fetch.asid.clone(), fetch.proven)).filter(|now| now.fetch == fetch) {
                now.is_written = true;
            }
        }
        Ok(())
    }
}

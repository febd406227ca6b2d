//! When each credential was used last, to within a minute: noted in memory by token requests, written in the background.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    domain::CredentialId,
    storage::{CredentialUse, Database, StorageError},
};

/// How exact the times are, in seconds.
const PRECISION: i64 = 60;
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// Rows of one transaction, for writers of the register wait for it.
const GROUP: usize = 500;

/// The uses that this process has seen. Both parts are bounded by the number of registered credentials.
#[derive(Debug, Default)]
pub struct CredentialUses {
    noted: RwLock<HashMap<CredentialId, AtomicI64>>,
    unwritten: Mutex<HashMap<CredentialId, CredentialUse>>,
}

impl CredentialUses {
    /// Notes a use. All but the first in a minute read one number.
    pub fn note(&self, used: CredentialUse) {
        let now = used.last_used_at.0;
        let noted = self.noted.read().unwrap_or_else(PoisonError::into_inner);
        let is_known = match noted.get(&used.credential) {
            Some(last) if now < last.load(Ordering::Relaxed).saturating_add(PRECISION) => return,
            Some(last) => {
                last.store(now, Ordering::Relaxed);
                true
            }
            None => false,
        };
        drop(noted);
        if !is_known {
            self.noted.write().unwrap_or_else(PoisonError::into_inner).insert(used.credential, now.into());
        }
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).insert(used.credential, used);
    }

    /// Writes what was noted every few seconds, and once more after `stop`. What cannot be written stays until it can.
    pub async fn write_to(&self, database: &Database, stop: CancellationToken) {
        let mut reached = true;
        loop {
            let stopped = stop.run_until_cancelled(tokio::time::sleep(WRITE_EVERY)).await.is_none();
            match self.write_once(database).await {
                Ok(()) => reached = true,
                Err(error) if reached => {
                    reached = false;
                    tracing::warn!(%error, "the last uses of credentials cannot be written; they are kept in memory");
                }
                Err(_) => {}
            }
            if stopped {
                return;
            }
        }
    }

    /// Writes what was noted.
    pub async fn write_once(&self, database: &Database) -> Result<(), StorageError> {
        let unwritten = || self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        let uses: Vec<CredentialUse> = std::mem::take(&mut *unwritten()).into_values().collect();
        let mut outcome = Ok(());
        for group in uses.chunks(GROUP) {
            if outcome.is_ok() {
                outcome = database.record_uses(group).await;
            }
            if outcome.is_err() {
                for used in group {
                    unwritten().entry(used.credential).or_insert(*used);
                }
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::UnixTime, random};

    #[test]
    fn one_use_in_a_minute_is_enough() {
        let (uses, credential) = (CredentialUses::default(), CredentialId(random::uuid()));
        let waiting =
            || uses.unwritten.lock().unwrap().drain().map(|(_, used)| used.last_used_at.0).collect::<Vec<_>>();
        let used = |at| CredentialUse { credential, last_used_at: UnixTime(at), certificate_ends_at: None };
        let note = |at| uses.note(used(at));
        [100, 101, 159].into_iter().for_each(note);
        assert_eq!(waiting(), [100]);
        note(160);
        assert_eq!(waiting(), [160]);
    }
}

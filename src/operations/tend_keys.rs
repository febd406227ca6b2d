//! What the schedule asks for: keys made, retired, forgotten and destroyed when it is time.

use super::{
    change_keys::{KeyWork, change_keys},
    change_refused::ChangeRefused,
    import_key::adopt_pem_files,
};
use crate::{
    clock::UnixTime,
    domain::{Act, Actor, SigningKeyRecord, Via},
};

/// On nobody's word but the schedule's.
pub fn by_schedule(at: UnixTime) -> Act {
    let actor = Actor { name: "key schedule".to_owned(), via: Via::Server };
    Act { actor, at, reason: None, trace_id: None, four_eyes: false, repeatable: None }
}

/// What a server begins with: the keys of earlier releases, and one for each algorithm that has none. Where there are keys,
/// it begins with those, whatever keeps others from being made.
pub async fn first_keys(work: &KeyWork, known: &[SigningKeyRecord], now: UnixTime) -> Result<(), ChangeRefused> {
    for file in adopt_pem_files(work, &by_schedule(now)).await? {
        let (file, kid) = (file.path.display(), file.kid);
        tracing::warn!(event = "key_unsealed", %file, kid, "a key of an earlier release is sealed now: remove the file when no node of that release runs");
    }
    match tend_keys(work, now).await {
        Err(error) if !known.is_empty() => {
            tracing::error!(event = "keys_not_tended", %error, "what is due of the signing keys cannot be done");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Is anything to be done? Looks at what is in memory only.
pub fn is_due(work: &KeyWork, keys: &[SigningKeyRecord], now: UnixTime) -> bool {
    let makes = work.stores.for_new_keys().map(|store| store.makes()).unwrap_or_default();
    !work.schedule.due(keys, &makes, now).is_empty()
}

/// Does all that is due. What cannot be done keeps nothing else from being done; the first failure is told.
pub async fn tend_keys(work: &KeyWork, now: UnixTime) -> Result<(), ChangeRefused> {
    let overdue = |keys: &[SigningKeyRecord]| Ok(work.schedule.overdue(keys, now));
    let mut outcome = change_keys(work, &overdue, by_schedule(now)).await.map(drop);
    for algorithm in work.stores.for_new_keys()?.makes() {
        let due =
            move |keys: &[SigningKeyRecord]| Ok(work.schedule.publication(keys, algorithm, now).into_iter().collect());
        outcome = outcome.and(change_keys(work, &due, by_schedule(now)).await.map(drop));
    }
    outcome
}

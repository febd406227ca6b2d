//! Ends a key that somebody else may have: nothing counts any more that it signed.

use super::{
    change_keys::{KeyWork, change_keys},
    change_refused::ChangeRefused,
    tend_keys::by_schedule,
};
use crate::{
    domain::{
        Act, KeyState, KeyStep, SigningKeyRecord,
        key_schedule::{active, next},
    },
    storage::StorageError,
};

/// Withdraws a key. If it signs, the next one does from now on; where there is none, it is made.
///
/// The withdrawal comes first: it does not wait for a successor that cannot be made.
pub async fn withdraw_key(work: &KeyWork, kid: &str, act: Act) -> Result<SigningKeyRecord, ChangeRefused> {
    let now = act.at;
    let withdrawal = |keys: &[SigningKeyRecord]| {
        let key = keys.iter().find(|key| *key.kid == *kid);
        let key = key.ok_or_else(|| StorageError::not_found("signing key", kid))?;
        match work.schedule.state(key, keys, now) {
            KeyState::Withdrawn => Err(ChangeRefused::Conflict(format!("the key {kid} is withdrawn already"))),
            KeyState::Gone => Err(ChangeRefused::Conflict(format!(
                "the key {kid} is published no longer: nothing that it signed counts"
            ))),
            state => {
                let overdue = work.schedule.overdue(keys, now).into_iter();
                // Who is retired by now must not come back when its successor is withdrawn.
                let mut steps: Vec<_> = overdue.filter(|step| matches!(step, KeyStep::Retire { .. })).collect();
                steps.push(KeyStep::Withdraw { kid: kid.into() });
                if let (KeyState::Active, Some(next)) = (state, next(keys, key.algorithm, now)) {
                    steps.push(KeyStep::Reschedule { kid: next.kid.as_ref().into(), activates_at: now });
                }
                Ok(steps)
            }
        }
    };
    let changed = change_keys(work, &withdrawal, act).await?;
    let withdrawn = changed.into_iter().find(|key| *key.kid == *kid);
    let withdrawn = withdrawn.ok_or_else(|| StorageError::not_found("signing key", kid))?;
    tracing::warn!(event = "key_withdrawn", kid, algorithm = %withdrawn.algorithm, "a signing key is withdrawn");
    let algorithm = withdrawn.algorithm;
    let successor = |keys: &[SigningKeyRecord]| {
        let lacks = active(keys, algorithm, now).is_none();
        Ok(lacks.then_some(KeyStep::Publish { algorithm, activates_at: now }).into_iter().collect())
    };
    if let Err(error) = change_keys(work, &successor, by_schedule(now)).await {
        tracing::error!(event = "no_successor", %algorithm, %error, "the withdrawn key has no successor yet");
    }
    Ok(withdrawn)
}

//! What every change of the signing keys has in common: steps that follow from the keys are carried out in one
//! transaction, in which they are asked for again. Nodes that do the same at once find it done.

use std::sync::Arc;

use careconnect_verifier::Algorithm;

use super::change_refused::ChangeRefused;
use crate::{
    app::App,
    blocking::blocking,
    domain::{Act, KeySchedule, KeyStep, PrivateHalf, SigningKeyRecord},
    signing::{KeyStores, NewKey, SigningError},
    storage::{Change, Database, StorageError},
};

/// What keys are worked on with.
#[derive(Clone)]
pub struct KeyWork {
    /// Where their records are.
    pub database: Database,
    /// Where their private halves are.
    pub stores: Arc<KeyStores>,
    /// How long the stages of their life last.
    pub schedule: KeySchedule,
}

impl KeyWork {
    /// With those of a running server.
    pub fn of(app: &App) -> Self {
        let (database, stores) = (app.registry.database().clone(), app.keys.stores().clone());
        Self { database, stores, schedule: *app.keys.ring().schedule() }
    }
}

/// Steps that follow from the keys as they are.
pub(super) type Steps<'a> = dyn Fn(&[SigningKeyRecord]) -> Result<Vec<KeyStep>, ChangeRefused> + Send + Sync + 'a;

/// Carries out the steps; gives the keys that were changed as they are now.
///
/// Private halves are made before the transaction and discarded after it if somebody else was faster: making one takes
/// time, for which nobody should wait.
pub(super) async fn change_keys(
    work: &KeyWork,
    steps: &Steps<'_>,
    act: Act,
) -> Result<Vec<SigningKeyRecord>, ChangeRefused> {
    let foreseen = steps(&work.stores.confirmed(work.database.list_signing_keys().await?)?)?;
    if foreseen.is_empty() {
        return Ok(Vec::new());
    }
    let mut made = Vec::new();
    for step in &foreseen {
        match step {
            KeyStep::Publish { algorithm, .. } => made.push(make(work, *algorithm).await?),
            KeyStep::Destroy { kid } => destroy(work, kid).await?,
            _ => {}
        }
    }
    keep(work, steps, made, act).await
}

/// The same with keys that are there already.
pub(super) async fn keep(
    work: &KeyWork,
    steps: &Steps<'_>,
    mut made: Vec<NewKey>,
    act: Act,
) -> Result<Vec<SigningKeyRecord>, ChangeRefused> {
    let all: Vec<_> = made.iter().map(placed).collect();
    let changed = match work.database.begin(act).await {
        Ok(mut change) => {
            let outcome = carry_out(&mut change, work, steps, &mut made).await;
            change.finish(outcome).await
        }
        Err(error) => Err(error.into()),
    };
    discard(work, all).await;
    if let Ok(changed) = &changed {
        for key in changed {
            let (kid, algorithm, activates_at) = (&key.kid, key.algorithm, key.activates_at);
            tracing::info!(event = "key_changed", %kid, %algorithm, %activates_at, retired = key.retired_at.is_some(),
                gone = key.gone_at.is_some(), withdrawn = key.withdrawn_at.is_some(), "a signing key has changed");
        }
    }
    changed
}

/// Destroys those that no record names: after a failure one may be committed all the same, and a node that was faster may
/// have kept the same key.
async fn discard(work: &KeyWork, made: Vec<(Algorithm, String, PrivateHalf)>) {
    if made.is_empty() {
        return;
    }
    let Ok(known) = work.database.list_signing_keys().await else { return };
    for (algorithm, kid, half) in made {
        if known.iter().any(|key| *key.kid == *kid) {
            continue;
        }
        let stores = work.stores.clone();
        if let Err(error) = blocking(move || stores.destroy(algorithm, &kid, &half)).await {
            tracing::warn!(event = "key_not_discarded", %error, "a private key that was not needed is still there");
        }
    }
}

async fn carry_out(
    change: &mut Change,
    work: &KeyWork,
    steps: &Steps<'_>,
    made: &mut Vec<NewKey>,
) -> Result<Vec<SigningKeyRecord>, ChangeRefused> {
    let at = change.act().at;
    let (mut keys, mut changed) = (work.stores.confirmed(change.signing_keys().await?)?, Vec::new());
    for step in steps(&keys)? {
        let kid = match &step {
            KeyStep::Publish { algorithm, activates_at } => {
                let Some(found) = made.iter().position(|key| key.algorithm == *algorithm) else { continue };
                let record = made.swap_remove(found).record(at.min(*activates_at), *activates_at);
                let record = work.stores.vouched(record)?;
                refuse_known(&keys, &record)?;
                change.put_signing_key(None, &record).await?;
                keys.push(record.clone());
                changed.push(record);
                continue;
            }
            KeyStep::Reschedule { kid, .. }
            | KeyStep::Retire { kid, .. }
            | KeyStep::Withdraw { kid }
            | KeyStep::Forget { kid }
            | KeyStep::Destroy { kid } => kid,
        };
        let key = keys.iter_mut().find(|key| *key.kid == **kid);
        let key = key.ok_or_else(|| StorageError::not_found("signing key", kid))?;
        let before = key.clone();
        match step {
            KeyStep::Reschedule { activates_at, .. } => key.activates_at = activates_at,
            KeyStep::Retire { at, .. } => key.retired_at = Some(at),
            KeyStep::Withdraw { .. } => key.withdrawn_at = Some(at),
            KeyStep::Forget { .. } => key.gone_at = Some(at),
            KeyStep::Destroy { .. } => key.private_half = PrivateHalf::Nowhere,
            KeyStep::Publish { .. } => {}
        }
        if *key != before {
            *key = work.stores.vouched(key.clone())?;
            change.put_signing_key(Some(&before), key).await?;
            changed.push(key.clone());
        }
    }
    Ok(changed)
}

/// A `kid` must stand for one key and one algorithm (R43).
fn refuse_known(keys: &[SigningKeyRecord], key: &SigningKeyRecord) -> Result<(), ChangeRefused> {
    match keys.iter().find(|known| known.kid == key.kid) {
        Some(known) if known.algorithm != key.algorithm => {
            Err(SigningError::KeyShared { kid: known.kid.to_string(), algorithm: known.algorithm }.into())
        }
        Some(known) => Err(StorageError::AlreadyExists { what: "signing key", name: known.kid.to_string() }.into()),
        None => Ok(()),
    }
}

async fn make(work: &KeyWork, algorithm: Algorithm) -> Result<NewKey, SigningError> {
    let stores = work.stores.clone();
    blocking(move || stores.for_new_keys()?.make(algorithm)).await
}

async fn destroy(work: &KeyWork, kid: &str) -> Result<(), ChangeRefused> {
    let known = work.stores.confirmed(work.database.list_signing_keys().await?)?;
    let known = known.into_iter().find(|key| *key.kid == *kid);
    let Some(key) = known else { return Ok(()) };
    let stores = work.stores.clone();
    Ok(blocking(move || stores.destroy(key.algorithm, &key.kid, &key.private_half)).await?)
}

fn placed(key: &NewKey) -> (Algorithm, String, PrivateHalf) {
    (key.algorithm, key.jwk.thumbprint(), key.private_half.clone())
}

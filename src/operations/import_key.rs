//! Takes over private keys that were made elsewhere.

use careconnect_verifier::Algorithm;

use super::{
    change_keys::{KeyWork, keep},
    change_refused::ChangeRefused,
};
use crate::{
    blocking::blocking,
    domain::{Act, KeyStep, SigningKeyRecord, key_schedule::active},
    signing::{PemFile, Pkcs8, SigningError, SigningKey, pem_files},
    storage::StorageError,
};

/// Keeps a private key. It signs as soon as others can know it; at once, where its algorithm has no other.
pub async fn import_key(
    work: &KeyWork,
    algorithm: Algorithm,
    private_half: Pkcs8,
    act: Act,
) -> Result<SigningKeyRecord, ChangeRefused> {
    let now = act.at;
    let steps = move |keys: &[SigningKeyRecord]| {
        let is_first = active(keys, algorithm, now).is_none();
        let activates_at = if is_first { now } else { now.plus(work.schedule.cache_time) };
        Ok(vec![KeyStep::Publish { algorithm, activates_at }])
    };
    import(work, algorithm, private_half, &steps, act).await
}

/// Seals the keys that releases before this one kept as `<ALG>-<kid>.pem`, with the turns that they had by their files' age.
/// The files stay, for nodes of such a release; gives those that may be removed when there is none.
pub async fn adopt_pem_files(work: &KeyWork, act: &Act) -> Result<Vec<PemFile>, ChangeRefused> {
    let directory = work.stores.directory().to_owned();
    let files = blocking(move || pem_files(&directory)).await?;
    if files.is_empty() {
        return Ok(files);
    }
    let known = work.database.list_signing_keys().await?;
    for file in files.iter().filter(|file| !known.iter().any(|key| *key.kid == *file.kid)) {
        let (algorithm, activates_at) = (file.algorithm, file.written_at.min(act.at));
        let steps = move |_: &[SigningKeyRecord]| Ok(vec![KeyStep::Publish { algorithm, activates_at }]);
        match import(work, algorithm, file.private_half.clone(), &steps, act.clone()).await {
            Err(ChangeRefused::Storage(StorageError::AlreadyExists { .. })) => {} // another node was faster
            outcome => drop(outcome?),
        }
    }
    Ok(files)
}

async fn import(
    work: &KeyWork,
    algorithm: Algorithm,
    private_half: Pkcs8,
    steps: &super::change_keys::Steps<'_>,
    act: Act,
) -> Result<SigningKeyRecord, ChangeRefused> {
    let known = work.database.list_signing_keys().await?;
    let stores = work.stores.clone();
    let kid = SigningKey::from_pkcs8(algorithm, &private_half).map_err(SigningError::from)?.kid().to_string();
    if let Some(known) = known.iter().find(|key| *key.kid == *kid) {
        return Err(if known.algorithm == algorithm {
            StorageError::AlreadyExists { what: "signing key", name: kid }.into()
        } else {
            SigningError::KeyShared { kid, algorithm: known.algorithm }.into()
        });
    }
    let made = blocking(move || stores.for_new_keys()?.import(algorithm, &private_half)).await?;
    let changed = keep(work, steps, vec![made], act).await?;
    changed.into_iter().next().ok_or_else(|| StorageError::not_found("signing key", kid).into())
}

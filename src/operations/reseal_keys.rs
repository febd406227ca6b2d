//! Seals private keys under the sealing key in use, after it has been changed.

use super::{change_keys::KeyWork, change_refused::ChangeRefused};
use crate::{
    blocking::blocking,
    domain::{Act, SigningKeyRecord},
};

/// Seals anew everything that is sealed; gives the keys of which anything is. The former sealing key is needed no longer then.
pub async fn reseal_keys(work: &KeyWork, act: Act) -> Result<Vec<SigningKeyRecord>, ChangeRefused> {
    let mut change = work.database.begin(act).await?;
    let outcome = async {
        let (mut resealed, keys) = (Vec::new(), work.stores.confirmed(change.signing_keys().await?)?);
        for before in keys {
            let (stores, record) = (work.stores.clone(), before.clone());
            let after = blocking(move || stores.reseal(record)).await?;
            if after != before {
                change.put_signing_key(Some(&before), &after).await?;
            }
            resealed.push(after);
        }
        Ok(resealed)
    };
    let outcome = outcome.await;
    change.finish(outcome).await
}

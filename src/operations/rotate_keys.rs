//! Lets the next keys sign as soon as others can know them.

use careconnect_verifier::Algorithm;

use super::{
    change_keys::{KeyWork, change_keys},
    change_refused::ChangeRefused,
};
use crate::domain::{Act, SigningKeyRecord};

/// Brings the turn of the next key of each algorithm forward, and makes the key where there is none. Gives the keys whose
/// turn it will be.
pub async fn rotate_keys(
    work: &KeyWork,
    algorithms: &[Algorithm],
    act: Act,
) -> Result<Vec<SigningKeyRecord>, ChangeRefused> {
    let now = act.at;
    let steps = |keys: &[SigningKeyRecord]| {
        Ok(algorithms.iter().map(|&algorithm| work.schedule.rotation(keys, algorithm, now)).collect())
    };
    change_keys(work, &steps, act).await
}

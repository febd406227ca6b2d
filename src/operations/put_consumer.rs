//! The rules of every consumer registration, new or changed, by whichever way it comes.

use super::{change_assurance::suspend_all_of, change_refused::ChangeRefused};
use crate::{
    domain::{AssuredSubject, ConsumerSystem, RegistrationStatus},
    storage::Change,
};

/// Keeps a new consumer, or what became of `before`. What was assured of a service counts for the organisation, the system
/// and the supplier that it was assured with: when one of them changes, it must be restored or given anew.
pub(super) async fn put_consumer(
    change: &mut Change,
    before: Option<&ConsumerSystem>,
    after: &ConsumerSystem,
) -> Result<(), ChangeRefused> {
    if before == Some(after) {
        return Ok(());
    }
    refuse_retired(before.map(|before| before.status))?;
    let moved = before.is_none_or(|before| before.identity() != after.identity());
    if moved && let Some((holder, name)) = change.other_holder(&after.asid, &after.organisation.ods_code).await? {
        return Err(ChangeRefused::Conflict(format!(
            "the ASID {} is held by the organisation {holder}, as {name:?}: a system belongs to one organisation, and this \
             is {}",
            after.asid, after.organisation.ods_code
        )));
    }
    change.put_consumer(before, after).await?;
    if moved && before.is_some() {
        suspend_all_of(change, &AssuredSubject::Service(after.client_id.clone())).await?;
    }
    Ok(())
}

/// What is given up for good stays so.
pub(super) fn refuse_retired(before: Option<RegistrationStatus>) -> Result<(), ChangeRefused> {
    match before.and_then(RegistrationStatus::retired_at) {
        Some(since) => Err(ChangeRefused::Conflict(format!("it is retired since {since}: register it anew"))),
        None => Ok(()),
    }
}

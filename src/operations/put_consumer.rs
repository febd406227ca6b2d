//! The rules of every consumer registration, new or changed, by whichever way it comes.

use careconnect_verifier::{Asid, OdsCode};

use super::{change_assurance::suspend_all_of, change_refused::ChangeRefused};
use crate::{
    clock::UnixTime,
    domain::{AssuredSubject, ConsumerSystem, Registered, RegistrationStatus, client_secret::holds_secret},
    storage::{Change, Holder},
};

/// Ways in of one consumer that have not ended.
const MOST_CREDENTIALS: usize = 100;

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
    refuse_many_credentials(before, after, change.act().at)?;
    let known = before.map(texts).unwrap_or_default();
    for (pointer, text) in texts(after).into_iter().filter(|text| !known.contains(text)) {
        refuse_secret(pointer, text)?;
    }
    let moved = before.is_none_or(|before| before.identity() != after.identity());
    if moved {
        refuse_foreign_system(change, before, &after.asid, &after.organisation.ods_code).await?;
    }
    change.put_consumer(before, after).await?;
    if moved && before.is_some() {
        suspend_all_of(change, &AssuredSubject::Service(after.client_id.clone())).await?;
    }
    Ok(())
}

/// What counts, or will, is read and compared whenever anything changes (R54).
fn refuse_many_credentials(
    before: Option<&ConsumerSystem>,
    after: &ConsumerSystem,
    now: UnixTime,
) -> Result<(), ChangeRefused> {
    let lasting = |consumer: &ConsumerSystem| {
        consumer.credentials.iter().filter(|held| held.ends_at.is_none_or(|end| end > now)).count()
    };
    let count = lasting(after);
    if count <= MOST_CREDENTIALS || before.is_some_and(|before| count <= lasting(before)) {
        return Ok(());
    }
    let sentence = format!("it would have {count} ways in; expected {MOST_CREDENTIALS} at most: end some first");
    Err(ChangeRefused::Conflict(sentence))
}

/// What people have written in their own words.
fn texts(consumer: &ConsumerSystem) -> Vec<(&'static str, &str)> {
    let labels = consumer.credentials.iter().map(|held| ("/credentials", held.label.as_str()));
    let product = consumer.product.iter().map(|product| ("/product", product.as_str()));
    labels.chain(product).chain([("/name", consumer.name.as_str())]).collect()
}

/// Whoever reads the register or the audit sees it.
pub(super) fn refuse_secret(pointer: &str, text: &str) -> Result<(), ChangeRefused> {
    match holds_secret(text) {
        true => {
            Err(ChangeRefused::at(pointer, "it has a secret in it, which everybody who reads the register would see"))
        }
        false => Ok(()),
    }
}

/// A system belongs to one organisation: what holds it beside `before` must be of that organisation.
pub(super) async fn refuse_foreign_system<T: Registered>(
    change: &mut Change,
    before: Option<&T>,
    asid: &Asid,
    ods_code: &OdsCode,
) -> Result<(), ChangeRefused> {
    let own = before.map(|before| (T::KIND, before.identifier()));
    let is_other =
        |holder: &Holder| own.as_ref().is_none_or(|(kind, id)| (holder.kind != *kind) || holder.identifier != *id);
    match change.other_holders(asid, ods_code).await?.into_iter().find(is_other) {
        Some(Holder { ods_code: holder, name, .. }) => Err(ChangeRefused::Conflict(format!(
            "the ASID {asid} is held by the organisation {holder}, as {name:?}: a system belongs to one organisation, and \
             this is {ods_code}"
        ))),
        None => Ok(()),
    }
}

/// What is given up for good stays so.
pub(super) fn refuse_retired(before: Option<RegistrationStatus>) -> Result<(), ChangeRefused> {
    match before.and_then(RegistrationStatus::retired_at) {
        Some(since) => Err(ChangeRefused::Conflict(format!("it is retired since {since}: register it anew"))),
        None => Ok(()),
    }
}

//! Suspends, restores and ends assurances. It counts everywhere within a second: one supplier's suspension takes the group
//! from all its services at once.

use careconnect_verifier::Group;

use super::{
    change_refused::ChangeRefused,
    give_assurance::{Given, record_or_propose, supersede_proposals},
};
use crate::{
    clock::UnixTime,
    domain::{Act, Assurance, AssuredSubject, EntityTag, Period, Precondition, Registered, registered::documents},
    storage::{Change, Database, StorageError},
};

/// What shall become of an assurance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssuranceChange {
    /// It stands no longer, for the time being.
    Suspend,
    /// It stands again, in its time.
    Restore,
    /// It ends then. A later end than before grants more, as restoring does.
    EndAt(Option<UnixTime>),
}

/// Changes what is assured of a subject for `group`, or for all groups; [`StorageError::NotFound`] when nothing is. What is
/// expected is the state of that one, or of the whole list.
pub async fn change_assurances(
    database: &Database,
    subject: &AssuredSubject,
    group: Option<&Group>,
    expected: &Precondition,
    to: AssuranceChange,
    act: Act,
) -> Result<Vec<Given>, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = change_all(&mut change, subject, group, expected, to).await;
    let changed = change.finish(outcome).await?;
    tracing::warn!(%subject, group = group.map(tracing::field::display), ?to, "assurances changed");
    Ok(changed)
}

async fn change_all(
    change: &mut Change,
    subject: &AssuredSubject,
    group: Option<&Group>,
    expected: &Precondition,
    to: AssuranceChange,
) -> Result<Vec<Given>, ChangeRefused> {
    let mut recorded = change.assurances_of(subject).await?;
    recorded.retain(|assurance| group.is_none_or(|group| assurance.group == *group));
    if recorded.is_empty() {
        let group = group.map(|group| format!(" for {group}")).unwrap_or_default();
        return Err(StorageError::not_found("assurance", format!("{subject}{group}")).into());
    }
    let state = match group {
        Some(_) => recorded.first().map(Assurance::document).unwrap_or_default(),
        None => documents(&recorded),
    };
    expected.check(Some(&EntityTag::of(&state)))?;
    let mut changed = Vec::new();
    for before in recorded {
        changed.push(change_one(change, before, to).await?);
    }
    Ok(changed)
}

/// Changes one, within a larger change.
pub(super) async fn change_one(
    change: &mut Change,
    before: Assurance,
    to: AssuranceChange,
) -> Result<Given, ChangeRefused> {
    let now = change.act().at;
    let period = match to {
        AssuranceChange::Suspend => Period { suspended_at: before.period.suspended_at.or(Some(now)), ..before.period },
        AssuranceChange::Restore => Period { suspended_at: None, ..before.period },
        AssuranceChange::EndAt(ends_at) => Period { ends_at, ..before.period },
    };
    let after = Assurance { period, ..before.clone() };
    if after == before && to != AssuranceChange::Suspend {
        return Ok(Given::Recorded(after));
    }
    let ends_later = period.ends_at.unwrap_or(UnixTime(i64::MAX)) > before.period.ends_at.unwrap_or(UnixTime(i64::MAX));
    if to == AssuranceChange::Restore || ends_later {
        let act = change.act();
        let (recorded_by, recorded_at) = (act.actor.name.clone(), act.at);
        return record_or_propose(change, Assurance { recorded_by, recorded_at, confirmed_by: None, ..after }).await;
    }
    supersede_proposals(change, &after).await?;
    if after != before {
        change.put_assurance(Some(&before), &after).await?;
    }
    Ok(Given::Recorded(after))
}

/// Suspends everything that is assured of a subject, and lets nothing come of what was proposed for it.
pub(super) async fn suspend_all_of(change: &mut Change, subject: &AssuredSubject) -> Result<(), ChangeRefused> {
    for assurance in change.assurances_of(subject).await? {
        change_one(change, assurance, AssuranceChange::Suspend).await?;
    }
    for open in change.open_proposals().await?.into_iter().filter(|open| open.assurance.subject == *subject) {
        supersede_proposals(change, &open.assurance).await?;
    }
    Ok(())
}

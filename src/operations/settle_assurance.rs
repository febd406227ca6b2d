//! Makes of an assurance what is wanted of it. What grants more goes the way of everything that is granted; what takes away
//! is done at once.

use super::{
    change_refused::ChangeRefused,
    give_assurance::{Given, record_or_propose, recorded, refuse_unregistered, supersede_proposals},
};
use crate::{
    clock::UnixTime,
    domain::{Assurance, AssuredSubject, Period, Proposal, submitted::SubmittedAssurance},
    storage::Change,
};

/// None when it is so already, or waits to be confirmed.
pub(super) async fn settle_assurance(
    change: &mut Change,
    wanted: SubmittedAssurance,
) -> Result<Option<Given>, ChangeRefused> {
    let SubmittedAssurance { subject, group, evidence, period } = wanted;
    let before = recorded(change, &subject, &group).await?;
    if before.as_ref().is_some_and(|before| before.evidence == evidence && before.period == period) {
        return Ok(None);
    }
    if let AssuredSubject::Service(client_id) = &subject {
        refuse_unregistered(change, client_id).await?;
    }
    let act = change.act().clone();
    let rests_on_the_same = before.as_ref().filter(|before| before.evidence == evidence);
    let stands_longer = rests_on_the_same.is_none_or(|before| grants_more(before.period, period));
    let anew = Assurance {
        subject,
        group,
        evidence,
        period,
        recorded_by: act.actor.name,
        recorded_at: act.at,
        confirmed_by: None,
    };
    if period.suspended_at.is_none() && stands_longer {
        let open = change.open_proposals_of(&anew.subject, &anew.group).await?;
        let wants_this =
            |open: &Proposal| open.assurance.evidence == anew.evidence && open.assurance.period == anew.period;
        if act.four_eyes && open.iter().any(wants_this) {
            return Ok(None);
        }
        return record_or_propose(change, anew).await.map(Some);
    }
    let after = rests_on_the_same.map_or(anew, |before| Assurance { period, ..before.clone() });
    supersede_proposals(change, &after).await?;
    change.put_assurance(before.as_ref(), &after).await?;
    Ok(Some(Given::Recorded(after)))
}

fn grants_more(before: Period, after: Period) -> bool {
    let end = |period: Period| period.ends_at.unwrap_or(UnixTime(i64::MAX));
    before.suspended_at.is_some() || after.starts_at < before.starts_at || end(after) > end(before)
}

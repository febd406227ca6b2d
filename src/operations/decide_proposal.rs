//! Confirms or rejects what another administrator proposed. A confirmed assurance counts everywhere within a second.

use uuid::Uuid;

use super::{change_refused::ChangeRefused, give_assurance::recorded};
use crate::{
    domain::{Act, Assurance, Decision, Proposal},
    storage::{Change, Database, StorageError},
};

/// Decides one proposal; [`StorageError::NotFound`] when there is none of that id, a conflict when it is decided.
pub async fn decide_proposal(
    database: &Database,
    id: Uuid,
    decision: Decision,
    act: Act,
) -> Result<Proposal, ChangeRefused> {
    let mut decided = decide_proposals(database, &[id], decision, act).await?;
    decided.pop().ok_or_else(|| StorageError::not_found("open proposal", id).into())
}

/// Decides all of these, or none.
pub async fn decide_proposals(
    database: &Database,
    ids: &[Uuid],
    decision: Decision,
    act: Act,
) -> Result<Vec<Proposal>, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = decide_all(&mut change, ids, decision).await;
    let decided = match change.finish(outcome).await {
        Err(ChangeRefused::Storage(error @ StorageError::NotFound { .. })) => {
            return Err(decided_before(database, ids).await?.unwrap_or(error.into()));
        }
        outcome => outcome?,
    };
    tracing::info!(count = decided.len(), decision = decision.name(), "proposals decided");
    Ok(decided)
}

/// What became of the first of `ids` that is no longer open.
async fn decided_before(database: &Database, ids: &[Uuid]) -> Result<Option<ChangeRefused>, StorageError> {
    for id in ids {
        if let Some(Proposal { decision: Some((decision, by, at)), .. }) = database.find_proposal(*id).await? {
            let sentence = format!("the proposal {id} was {} by {by} at {at}", decision.name());
            return Ok(Some(ChangeRefused::Conflict(sentence)));
        }
    }
    Ok(None)
}

async fn decide_all(change: &mut Change, ids: &[Uuid], decision: Decision) -> Result<Vec<Proposal>, ChangeRefused> {
    let mut decided = Vec::new();
    for id in ids {
        decided.push(decide(change, *id, decision).await?);
    }
    Ok(decided)
}

async fn decide(change: &mut Change, id: Uuid, decision: Decision) -> Result<Proposal, ChangeRefused> {
    let act = change.act().clone();
    let open = change.open_proposals().await?.into_iter().find(|proposal| proposal.id == id);
    let before = open.ok_or_else(|| StorageError::not_found("open proposal", id))?;
    let proposer = &before.assurance.recorded_by;
    if decision == Decision::Confirmed && *proposer == act.actor.name {
        let sentence = format!("{proposer} proposed it: somebody else must confirm it");
        return Err(ChangeRefused::NotAllowed(sentence));
    }
    let by = act.actor.name;
    if decision == Decision::Confirmed {
        let current = recorded(change, &before.assurance.subject, &before.assurance.group).await?;
        let confirmed = Assurance { confirmed_by: Some(by.clone()), ..before.assurance.clone() };
        let said = act.reason.clone();
        change.set_reason(said.clone().or_else(|| Some(before.reason.clone()))); // why it was proposed is why it is done
        change.put_assurance(current.as_ref(), &confirmed).await?;
        change.set_reason(said);
    }
    let after = Proposal { decision: Some((decision, by, act.at)), ..before.clone() };
    change.put_proposal(Some(&before), &after).await?;
    Ok(after)
}

//! Confirms or rejects what another administrator proposed. A confirmed assurance counts everywhere within a second.

use uuid::Uuid;

use super::{change_refused::ChangeRefused, give_assurance::recorded};
use crate::{
    domain::{Act, Assurance, Decision, Proposal},
    storage::{Change, Database, StorageError},
};

/// Decides one proposal; [`StorageError::NotFound`] when none of that id is open.
pub async fn decide_proposal(
    database: &Database,
    id: Uuid,
    decision: Decision,
    act: Act,
) -> Result<Proposal, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = decide(&mut change, id, decision).await;
    let decided = change.finish(outcome).await?;
    tracing::info!(proposal = %id, decision = decision.name(), "proposal decided");
    Ok(decided)
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
    let decided = change.finish(outcome).await?;
    tracing::info!(count = decided.len(), decision = decision.name(), "proposals decided");
    Ok(decided)
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
        let suspended_at = current.as_ref().and_then(|current| current.period.suspended_at);
        if let Some(since) = suspended_at.filter(|since| *since > before.assurance.recorded_at) {
            let sentence = format!("it is suspended since {since}, after this was proposed: propose it anew");
            return Err(ChangeRefused::Conflict(sentence));
        }
        let confirmed = Assurance { confirmed_by: Some(by.clone()), ..before.assurance.clone() };
        change.put_assurance(current.as_ref(), &confirmed).await?;
    }
    let after = Proposal { decision: Some((decision, by, act.at)), ..before.clone() };
    change.put_proposal(Some(&before), &after).await?;
    Ok(after)
}

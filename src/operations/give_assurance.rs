//! Records that a service, an organisation, a system or a supplier is assured for a group; or, where two must agree,
//! proposes it. It counts everywhere within a second.

use careconnect_verifier::{ClientId, Group};
use serde_json::Value;

use super::{change_refused::ChangeRefused, put_consumer::refuse_retired};
use crate::{
    clock::UnixTime,
    domain::{Act, Assurance, AssuredSubject, Decision, Period, Proposal, Registered, fields::check_sentence},
    random,
    storage::{Change, Database, StorageError},
};

/// What an administrator submits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAssurance {
    /// What is assured.
    pub subject: AssuredSubject,
    /// For what.
    pub group: Group,
    /// On what grounds: a reference that an auditor can follow.
    pub evidence: String,
    /// From when on; none for now.
    pub starts_at: Option<UnixTime>,
    /// Until when, if that is known.
    pub ends_at: Option<UnixTime>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// It is recorded, and counts in its time.
    Recorded(Assurance),
    /// It counts once somebody else has confirmed it.
    Proposed(Proposal),
}

/// The documents of what is recorded, and of what is proposed.
pub fn documents_of(given: &[Given]) -> (Vec<Value>, Vec<Value>) {
    let (mut recorded, mut proposed) = (Vec::new(), Vec::new());
    for given in given {
        match given {
            Given::Recorded(assurance) => recorded.push(assurance.document()),
            Given::Proposed(proposal) => proposed.push(proposal.document()),
        }
    }
    (recorded, proposed)
}

/// Records or proposes all of `wanted`, or nothing; one that is there already is replaced.
pub async fn give_assurances(
    database: &Database,
    wanted: Vec<NewAssurance>,
    act: Act,
) -> Result<Vec<Given>, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = give_all(&mut change, wanted).await;
    let given = change.finish(outcome).await?;
    tracing::info!(count = given.len(), "assurances given or proposed");
    Ok(given)
}

async fn give_all(change: &mut Change, wanted: Vec<NewAssurance>) -> Result<Vec<Given>, ChangeRefused> {
    let mut given = Vec::new();
    for wanted in wanted {
        given.push(give(change, wanted).await?);
    }
    Ok(given)
}

/// Records or proposes one, within a larger change.
pub(super) async fn give(change: &mut Change, wanted: NewAssurance) -> Result<Given, ChangeRefused> {
    let act = change.act().clone();
    let starts_at = wanted.starts_at.unwrap_or(act.at);
    if let Some(end) = wanted.ends_at.filter(|end| *end <= starts_at) {
        let detail = format!("it would end at {end}, before it starts at {starts_at}");
        return Err(ChangeRefused::at("/ends_at", detail));
    }
    check_sentence(&wanted.evidence).map_err(|detail| ChangeRefused::at("/evidence", detail))?;
    if let AssuredSubject::Service(client_id) = &wanted.subject {
        refuse_unregistered(change, client_id).await?;
    }
    let assurance = Assurance {
        subject: wanted.subject,
        group: wanted.group,
        evidence: wanted.evidence,
        period: Period { starts_at, ends_at: wanted.ends_at, suspended_at: None },
        recorded_by: act.actor.name.clone(),
        recorded_at: act.at,
        confirmed_by: None,
    };
    record_or_propose(change, assurance).await
}

/// What grants more needs a reason, and, where two must agree, another administrator.
pub(super) async fn record_or_propose(change: &mut Change, wanted: Assurance) -> Result<Given, ChangeRefused> {
    let act: Act = change.act().clone();
    let Some(reason) = act.reason.filter(|reason| !reason.trim().is_empty()) else {
        return Err(ChangeRefused::at("/reason", "it is missing: whoever grants something says why"));
    };
    if !act.four_eyes {
        let before = recorded(change, &wanted.subject, &wanted.group).await?;
        supersede_proposals(change, &wanted).await?;
        change.put_assurance(before.as_ref(), &wanted).await?;
        return Ok(Given::Recorded(wanted));
    }
    if wanted.period.suspended_at.is_some() {
        let sentence = "it is suspended, and a proposal would restore it: restore it first";
        return Err(ChangeRefused::Conflict(sentence.to_owned()));
    }
    supersede_proposals(change, &wanted).await?;
    let proposal = Proposal { id: random::uuid(), assurance: wanted, reason, decision: None };
    change.put_proposal(None, &proposal).await?;
    Ok(Given::Proposed(proposal))
}

/// Whatever is decided of a subject and group takes the place of what was proposed before: a proposal must not undo it later.
pub(super) async fn supersede_proposals(change: &mut Change, decided: &Assurance) -> Result<(), StorageError> {
    let Act { actor, at, .. } = change.act().clone();
    let decision = Some((Decision::Superseded, actor.name, at));
    for open in change.open_proposals_of(&decided.subject, &decided.group).await? {
        change.put_proposal(Some(&open), &Proposal { decision: decision.clone(), ..open.clone() }).await?;
    }
    Ok(())
}

/// What is recorded now of one subject and group.
pub(super) async fn recorded(
    change: &mut Change,
    subject: &AssuredSubject,
    group: &Group,
) -> Result<Option<Assurance>, StorageError> {
    Ok(change.assurances_of(subject).await?.into_iter().find(|assurance| assurance.group == *group))
}

/// Nothing is assured of a service that is not there, or no longer.
pub(super) async fn refuse_unregistered(change: &mut Change, client_id: &ClientId) -> Result<(), ChangeRefused> {
    let found = change.consumer(client_id).await?;
    let consumer = found.ok_or_else(|| StorageError::not_found("consumer", client_id))?;
    refuse_retired(Some(consumer.status))
}

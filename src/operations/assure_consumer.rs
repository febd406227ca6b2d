//! Records, or proposes, what a service lacks to hold groups: as much of the four behind it as does not stand.

use std::collections::BTreeSet;

use careconnect_verifier::{ClientId, Group};

use super::{
    change_refused::ChangeRefused,
    give_assurance::{Given, NewAssurance, give, recorded},
    put_consumer::refuse_retired,
};
use crate::{
    clock::UnixTime,
    domain::{Act, AssuredSubject, Lapse},
    storage::{Change, Database, StorageError},
};

/// What all four are to be assured for, on what grounds, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGroups {
    /// For what.
    pub groups: BTreeSet<Group>,
    /// On what grounds: a reference that an auditor can follow.
    pub evidence: String,
    /// From when on; none for now.
    pub starts_at: Option<UnixTime>,
    /// Until when, if that is known.
    pub ends_at: Option<UnixTime>,
}

/// Gives what lacks, all of it or nothing. What somebody has suspended of the organisation, the system or the supplier is
/// theirs to restore: it concerns other services, too.
pub async fn assure_consumer(
    database: &Database,
    client_id: &ClientId,
    wanted: WantedGroups,
    act: Act,
) -> Result<Vec<Given>, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = assure(&mut change, client_id, wanted).await;
    let given = change.finish(outcome).await?;
    tracing::info!(%client_id, count = given.len(), "assurances given or proposed");
    Ok(given)
}

async fn assure(change: &mut Change, client_id: &ClientId, wanted: WantedGroups) -> Result<Vec<Given>, ChangeRefused> {
    let now = change.act().at;
    let found = change.consumer(client_id).await?;
    let consumer = found.ok_or_else(|| StorageError::not_found("consumer", client_id))?;
    refuse_retired(Some(consumer.status))?;
    let mut given = Vec::new();
    for group in wanted.groups {
        for subject in consumer.assured_subjects() {
            let known = recorded(change, &subject, &group).await?;
            let is_its_own = matches!(subject, AssuredSubject::Service(_));
            match known.map_or(Some(Lapse::Missing), |known| known.period.lapse_at(now)) {
                None => continue,
                Some(lapse @ Lapse::Suspended(_)) if !is_its_own => {
                    let sentence = format!("what is assured of the {subject} for {group} is {lapse}: restore it first");
                    return Err(ChangeRefused::Conflict(sentence));
                }
                Some(_) => {}
            }
            let (group, evidence) = (group.clone(), wanted.evidence.clone());
            let (starts_at, ends_at) = (wanted.starts_at, wanted.ends_at);
            given.push(give(change, NewAssurance { subject, group, evidence, starts_at, ends_at }).await?);
        }
    }
    Ok(given)
}

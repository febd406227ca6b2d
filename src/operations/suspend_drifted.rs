//! Suspends what the directory contradicts, by the narrowest switch there is. What was mended is restored by people.

use careconnect_verifier::ClientId;

use super::{
    change_assurance::{AssuranceChange, change_assurances},
    change_consumer::change_consumer,
    change_provider::change_provider,
    change_refused::ChangeRefused,
};
use crate::{
    clock::UnixTime,
    domain::{
        Act, AssuredSubject, ConsumerSystem, DirectoryComparison, Drift, Precondition, ProviderSystem, Registered,
        RegistrationStatus,
    },
    storage::Database,
};

/// Suspends everything in `comparison` that is not, each in a change of its own with the drift as its reason, and notes it
/// there. Nothing when the directory is in doubt.
///
/// A system without an interaction loses that group alone, and with it all its services; a provider no longer honours it.
pub async fn suspend_drifted(
    database: &Database,
    comparison: &mut DirectoryComparison,
    act: &Act,
) -> Result<(), ChangeRefused> {
    if comparison.doubt.is_some() {
        return Ok(());
    }
    for drift in comparison.drifts.iter_mut().filter(|drift| !drift.suspended) {
        let act = Act { reason: Some(drift.to_string()), ..act.clone() };
        match suspend(database, drift, act).await {
            Ok(()) => drift.suspended = true,
            Err(ChangeRefused::Storage(error)) => return Err(error.into()),
            // Somebody has changed or retired it meanwhile: the next comparison sees what they did.
            Err(refused) => tracing::info!(event = "drift_not_suspended", identifier = drift.identifier, %refused),
        }
    }
    Ok(())
}

async fn suspend(database: &Database, drift: &Drift, act: Act) -> Result<(), ChangeRefused> {
    let (any, at) = (&Precondition::Any, act.at);
    let asid = &drift.asid;
    if drift.subject == ProviderSystem::KIND {
        let edit = |before: &ProviderSystem| Ok(suspended_provider(before, drift, at));
        return change_provider(database, asid, any, edit, act).await.map(drop);
    }
    if let Some(group) = &drift.group {
        let system = AssuredSubject::System(asid.clone());
        return change_assurances(database, &system, Some(group), any, AssuranceChange::Suspend, act).await.map(drop);
    }
    let client_id = drift.identifier.parse::<ClientId>().map_err(|error| ChangeRefused::Conflict(error.to_string()))?;
    let edit = |before: &ConsumerSystem| {
        // On another system it is no longer what was compared.
        let stays = before.asid != *asid || !before.status.is_active();
        let status = if stays { before.status } else { RegistrationStatus::Suspended { at } };
        Ok(ConsumerSystem { status, ..before.clone() })
    };
    change_consumer(database, &client_id, any, edit, act).await.map(drop)
}

fn suspended_provider(before: &ProviderSystem, drift: &Drift, at: UnixTime) -> ProviderSystem {
    let mut after = before.clone();
    match &drift.group {
        Some(group) => {
            if let Some(honoured) = after.groups.get_mut(group) {
                honoured.suspended_at = honoured.suspended_at.or(Some(at));
            }
        }
        None if before.status.is_active() => after.status = RegistrationStatus::Suspended { at },
        None => {}
    }
    after
}

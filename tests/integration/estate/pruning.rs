//! What is missing from a file, and what grants more.

use careconnect_auth::domain::{Act, AssuredSubject, Decision, RegistrationStatus};
use careconnect_verifier::Group;
use serde_json::{Value, json};

use super::{LATER, OPTIONS, PRUNING, actions, apply, apply_as, export, export_json, filled::filled, plan};
use crate::support::changes::act;

#[tokio::test]
async fn what_is_not_in_a_file_stays_unless_it_is_pruned() {
    let filled = filled().await;
    let database = filled.database.handle();
    let nothing = json!({
        "organisation_types": [], "groups": [], "providers": [], "consumers": [], "assurances": [],
        "certificate_policies": [], "blocked_certificates": [],
    });
    assert_eq!(actions(&apply(database, &nothing.to_string(), OPTIONS).await.unwrap()), Vec::<&str>::new());
    assert_eq!(
        actions(&apply(database, "{}", PRUNING).await.unwrap()),
        Vec::<&str>::new(),
        "no section, nothing to prune"
    );

    let planned = plan(database, &nothing.to_string(), PRUNING).await.unwrap();
    assert_eq!(database.find_provider(&filled.provider.asid).await.unwrap(), Some(filled.provider.clone()));
    let applied = apply(database, &nothing.to_string(), PRUNING).await.unwrap();
    assert_eq!(actions(&planned), actions(&applied));

    let count = |action: &str| applied.iter().filter(|record| record.action == action).count();
    assert_eq!((count("consumer.retired"), count("provider.retired")), (2, 2));
    assert_eq!((count("certificate_policy.removed"), count("blocked_certificate.unblocked")), (1, 1));
    assert_eq!(count("group.suspended"), 5, "the sixth was suspended");
    assert_eq!(count("assurance.changed"), 6, "those of organisation, system and supplier; retired services have none");
    let retired = RegistrationStatus::Retired { at: LATER };
    assert_eq!(database.find_consumer(&filled.consumer.client_id).await.unwrap().unwrap().status, retired);
    assert_eq!(actions(&apply(database, &nothing.to_string(), PRUNING).await.unwrap()), Vec::<&str>::new());
}

#[tokio::test]
async fn ways_in_that_are_not_in_a_file_end_when_they_are_pruned_and_never_begin_again() {
    let filled = filled().await;
    let database = filled.database.handle();
    let file = export(database, false).await;
    let mut without = export_json(database).await;
    let consumers = without["consumers"].as_array_mut().unwrap();
    let held = consumers.iter_mut().find(|known| known["client_id"] == filled.consumer.client_id.as_str()).unwrap();
    held["credentials"].as_array_mut().unwrap().retain(|credential| credential["kind"] == "key");
    let without = json!({"consumers": consumers}).to_string();
    assert_eq!(actions(&apply(database, &without, OPTIONS).await.unwrap()), Vec::<&str>::new());
    assert_eq!(actions(&apply(database, &without, PRUNING).await.unwrap()), ["consumer.credential_ended"]);
    let after = database.find_consumer(&filled.consumer.client_id).await.unwrap().unwrap();
    let ended = |kind: &str| after.credentials.iter().find(|held| held.kind.name() == kind).unwrap().ends_at;
    assert_eq!((ended("secret"), ended("san_dns"), ended("key")), (Some(LATER), Some(LATER), None));

    let faults = super::faults(apply(database, &file, OPTIONS).await);
    assert_eq!(faults.len(), 5, "a stale file opens no door: {faults:?}");
    assert!(faults[0].detail.contains("does not begin again"), "{faults:?}");
}

fn four_eyes(name: &str) -> Act {
    let mut act = Act { four_eyes: true, ..act(LATER) };
    name.clone_into(&mut act.actor.name);
    act
}

#[tokio::test]
async fn where_two_must_agree_a_file_proposes_what_it_grants_once() {
    let filled = filled().await;
    let database = filled.database.handle();
    let subject = AssuredSubject::Service(filled.consumer.client_id.clone());
    let assurance = |group: &Group, more: Value| {
        let mut assurance = json!({
            "subject": "service", "identifier": subject.identifier(), "group": group, "evidence": "CSR-1, \"signed\"",
        });
        assurance.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assurance
    };
    let file = json!({"assurances": [
        assurance(&Group::READ_SLOT, json!({"status": "suspended"})),
        assurance(&Group::CREATE_APPOINTMENT, json!({})),
    ]});
    let applied = apply_as(database, &file.to_string(), OPTIONS, four_eyes("alice")).await.unwrap();
    assert_eq!(actions(&applied), ["assurance.suspended", "proposal.proposed"]);
    let later = Act { at: LATER.plus(60), ..four_eyes("alice") };
    let again = apply_as(database, &file.to_string(), OPTIONS, later).await.unwrap();
    assert_eq!(actions(&again), Vec::<&str>::new(), "it waits already");

    let proposal = database.list_proposals(false).await.unwrap().swap_remove(0);
    let decide = careconnect_auth::operations::decide_proposal::decide_proposal;
    decide(database, proposal.id, Decision::Confirmed, four_eyes("bob")).await.unwrap();
    let confirmed = apply_as(database, &file.to_string(), OPTIONS, four_eyes("alice")).await.unwrap();
    assert_eq!(actions(&confirmed), Vec::<&str>::new());

    let restored = json!({"assurances": [assurance(&Group::READ_SLOT, json!({"status": "active"}))]}).to_string();
    let applied = apply_as(database, &restored, OPTIONS, four_eyes("alice")).await.unwrap();
    assert_eq!(actions(&applied), ["proposal.proposed"]);
}

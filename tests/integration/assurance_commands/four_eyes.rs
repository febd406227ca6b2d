//! Where two must agree: what one administrator proposes counts once another has confirmed it.

use careconnect_auth::{
    clock::Clock,
    domain::{Act, Actor, AssuredSubject, Decision, Precondition, Proposal, Via},
    operations::{
        change_assurance::{AssuranceChange, change_assurances},
        change_refused::ChangeRefused,
        decide_proposal::{decide_proposal, decide_proposals},
        give_assurance::{Given, NewAssurance, give_assurances},
    },
    storage::AuditQuery,
};
use careconnect_verifier::Group;
use serde_json::json;

use super::{operator, scene, told};
use crate::support::{
    changes::act,
    command::{command, output},
    test_server::TestServer,
};

/// The word of somebody, where two must agree.
fn of(server: &TestServer, name: &str) -> Act {
    let actor = Actor { name: name.to_owned(), via: Via::Api };
    Act { actor, four_eyes: true, ..act(server.clock.now()) }
}

async fn restore(server: &TestServer, name: &str) -> Vec<Proposal> {
    let (subject, group) = (AssuredSubject::Supplier("SUP1".parse().unwrap()), Group::READ_SLOT);
    let (any, restore) = (&Precondition::Any, AssuranceChange::Restore);
    let database = server.database.handle();
    let given = change_assurances(database, &subject, Some(&group), any, restore, of(server, name)).await.unwrap();
    let proposed = given.into_iter().map(|given| match given {
        Given::Proposed(proposal) => proposal,
        Given::Recorded(assurance) => panic!("{assurance:?}"),
    });
    proposed.collect()
}

#[tokio::test]
async fn what_one_proposes_another_confirms_and_nobody_their_own() {
    let (server, hub, _) = scene().await;
    let database = server.database.handle();
    operator(&server, "assurance suspend --supplier SUP1 --group read:slot").success();
    let proposed = restore(&server, "alice").await;
    assert_eq!(told(&server, &hub).await, "group_not_assured", "a proposal grants nothing");

    let own = decide_proposal(database, proposed[0].id, Decision::Confirmed, of(&server, "alice")).await.unwrap_err();
    assert!(matches!(&own, ChangeRefused::NotAllowed(sentence) if sentence.contains("alice")), "{own}");
    assert_eq!(told(&server, &hub).await, "group_not_assured");
    decide_proposal(database, proposed[0].id, Decision::Confirmed, of(&server, "bob")).await.unwrap();
    assert_eq!(told(&server, &hub).await, "organization/slot.read");
    let shown = operator(&server, "assurance list --supplier SUP1 --group read:slot --json").success().json();
    assert_eq!((&shown[0]["recorded_by"], &shown[0]["confirmed_by"]), (&json!("alice"), &json!("bob")));
    let twice = decide_proposal(database, proposed[0].id, Decision::Confirmed, of(&server, "bob")).await;
    assert!(matches!(&twice, Err(ChangeRefused::Conflict(why)) if why.contains("was confirmed by bob")), "{twice:?}");
    let query = AuditQuery { identifier: Some("SUP1".to_owned()), ..AuditQuery::default() };
    let newest = database.search_audit(&query, 1).await.unwrap().remove(0).record;
    assert!(newest.contains("assurance.restored") && newest.contains(&proposed[0].reason), "{newest}");
}

#[tokio::test]
async fn a_later_proposal_takes_the_place_of_an_earlier_one_and_a_rejected_one_never_counts() {
    let (server, hub, _) = scene().await;
    operator(&server, "assurance suspend --supplier SUP1 --group read:slot").success();
    let first = restore(&server, "alice").await[0].id.to_string();
    let second = restore(&server, "carol").await[0].id.to_string();
    let open = operator(&server, "assurance proposals --json").success().json();
    assert_eq!((open.as_array().unwrap().len(), &open[0]["id"]), (1, &json!(second)));
    let refused = operator(&server, &format!("assurance confirm {first}"));
    assert!(refused.code == 1 && refused.stderr.contains(&first), "{refused:?}");
    operator(&server, &format!("assurance reject {second}")).success();
    assert_eq!(told(&server, &hub).await, "group_not_assured");
    let all = operator(&server, "assurance proposals --all --json").success().json();
    let statuses: Vec<_> = all.as_array().unwrap().iter().map(|proposal| proposal["status"].clone()).collect();
    assert!(statuses.contains(&json!("superseded")) && statuses.contains(&json!("rejected")), "{all}");
}

#[tokio::test]
async fn the_command_line_shows_what_waits_and_confirms_all_that_others_proposed() {
    let (server, hub, desk) = scene().await;
    operator(&server, "assurance suspend --supplier SUP1").success();
    let database = server.database.handle();
    let supplier = AssuredSubject::Supplier("SUP1".parse().unwrap());
    let all = change_assurances(
        database,
        &supplier,
        None,
        &Precondition::Any,
        AssuranceChange::Restore,
        of(&server, "alice"),
    );
    assert_eq!(all.await.unwrap().len(), 5);
    let listed = operator(&server, "assurance proposals").success().stdout;
    assert!(listed.contains("supplier SUP1") && listed.contains("alice") && listed.contains("open"), "{listed}");

    let confirmed = operator(&server, "assurance confirm --all --json").success().json();
    assert_eq!(confirmed["recorded"].as_array().unwrap().len(), 5);
    for consumer in [&hub, &desk] {
        assert_eq!(told(&server, consumer).await, "organization/slot.read");
    }
    assert_eq!(operator(&server, "assurance proposals --json").success().json(), json!([]));
    let nothing = operator(&server, "assurance confirm --all").success();
    assert!(nothing.stderr.contains("nothing to decide"), "{nothing:?}");
}

#[tokio::test]
async fn a_proposal_from_before_a_suspension_does_not_undo_it() {
    let (server, hub, _) = scene().await;
    let (database, supplier) = (server.database.handle(), AssuredSubject::Supplier("SUP1".parse().unwrap()));
    let change = async |to, name| {
        let (any, group) = (&Precondition::Any, Some(&Group::READ_SLOT));
        change_assurances(database, &supplier, group, any, to, of(&server, name)).await
    };
    change(AssuranceChange::EndAt(Some(server.clock.now().plus(1_000))), "alice").await.unwrap();
    let [Given::Proposed(later)] = &change(AssuranceChange::EndAt(None), "alice").await.unwrap()[..] else { panic!() };
    change(AssuranceChange::Suspend, "bob").await.unwrap(); // in the same second
    let refused = decide_proposal(database, later.id, Decision::Confirmed, of(&server, "bob")).await;
    assert!(
        matches!(&refused, Err(ChangeRefused::Conflict(sentence)) if sentence.contains("was superseded by bob")),
        "{refused:?}"
    );
    let refused = change(AssuranceChange::EndAt(None), "alice").await;
    assert!(
        matches!(&refused, Err(ChangeRefused::Conflict(sentence)) if sentence.contains("restore it first")),
        "{refused:?}"
    );
    assert_eq!(told(&server, &hub).await, "group_not_assured");
}

#[tokio::test]
async fn what_was_proposed_of_a_service_counts_for_no_other_organisation_or_system() {
    let (server, hub, _) = scene().await;
    let database = server.database.handle();
    let subject = AssuredSubject::Service(hub.consumer.client_id.clone());
    let (group, evidence) = (Group::READ_SLOT, "file 15".to_owned());
    let wanted = NewAssurance { subject, group, evidence, starts_at: None, ends_at: None };
    let given = give_assurances(database, vec![wanted], of(&server, "alice")).await.unwrap();
    let [Given::Proposed(proposal)] = &given[..] else { panic!("{given:?}") };
    let client_id = &hub.consumer.client_id;
    operator(&server, &format!("consumer change {client_id} --supplier SUP9")).success();
    let late = decide_proposal(database, proposal.id, Decision::Confirmed, of(&server, "bob")).await;
    assert!(matches!(&late, Err(ChangeRefused::Conflict(why)) if why.contains("was superseded")), "{late:?}");
    assert_eq!(told(&server, &hub).await, "group_not_assured");
}

#[tokio::test]
async fn of_several_proposals_all_are_decided_or_none() {
    let (server, ..) = scene().await;
    let database = server.database.handle();
    let wanted = |group| NewAssurance {
        subject: AssuredSubject::Supplier("SUP2".parse().unwrap()),
        group,
        evidence: "file 14".to_owned(),
        starts_at: None,
        ends_at: None,
    };
    let mut ids = Vec::new();
    for (name, group) in [("alice", Group::READ_SLOT), ("bob", Group::READ_APPOINTMENT)] {
        match &give_assurances(database, vec![wanted(group)], of(&server, name)).await.unwrap()[..] {
            [Given::Proposed(proposal)] => ids.push(proposal.id),
            other => panic!("{other:?}"),
        }
    }
    let refused = decide_proposals(database, &ids, Decision::Confirmed, of(&server, "bob")).await;
    assert!(matches!(refused, Err(ChangeRefused::NotAllowed(_))), "{refused:?}");
    assert_eq!(database.list_proposals(false).await.unwrap().len(), 2);
    assert_eq!(decide_proposals(database, &ids, Decision::Confirmed, of(&server, "carol")).await.unwrap().len(), 2);
}

#[tokio::test]
async fn where_the_configuration_says_so_the_command_line_proposes_and_another_user_confirms() {
    let server = TestServer::with("admin.four_eyes = true\n").await;
    let alone = |user: &str, arguments: &str| {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let mut command = command(server.directory.path(), &arguments);
        let done = {
            command.env("SUDO_USER", user);
            output(command, b"")
        };
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    let register = "consumer register --client-id hub --name Hub --asid 200000000205 --ods-code A1001 --supplier SUP1 \
                    --organisation-type urgent-care --secret --group read:slot --evidence x --reason x";
    let (code, _, complaint) = alone("alice", register);
    assert!(code == Some(0) && complaint.contains("another administrator"), "{complaint}");
    let (_, given, _) = alone("alice", "assurance give --supplier SUP2 --group read:slot --evidence x --reason x");
    assert!(given.contains("careconnect-auth assurance confirm ") && given.contains("supplier SUP2"), "{given}");

    let (code, _, complaint) = alone("alice", "assurance confirm --all");
    assert!(code == Some(0) && complaint.contains("5 of 5 are your own"), "{complaint}");
    let proposals = operator(&server, "assurance proposals --json").success().json();
    let own = proposals[0]["id"].as_str().unwrap();
    let (code, _, complaint) = alone("alice", &format!("assurance confirm {own}"));
    assert!(code == Some(1) && complaint.contains("somebody else must confirm it"), "{complaint}");
    let (code, confirmed, complaint) = alone("bob", "assurance confirm --all");
    assert!(code == Some(0) && confirmed.contains("1 service is affected"), "{confirmed} {complaint}");
    let shown = operator(&server, "assurance show hub").success().stdout;
    assert!(shown.contains("yes") && shown.contains("alice") && shown.contains("bob"), "{shown}");
}

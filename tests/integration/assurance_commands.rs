//! Assurances on the command line, beside a running server: whom they give a group, and from whom they take it.

use careconnect_auth::{
    clock::{Clock, UnixTime},
    operations::register_consumer::RegisteredConsumer,
};
use serde_json::{Value, json};

use crate::support::{
    authority::NOW,
    command::{Run, run},
    test_server::{TestServer, consumer},
};

mod four_eyes;
mod switches;

const SLOT: &str = "urn:nhs:names:services:careconnect:fhir:rest:read:slot";

/// `careconnect-auth` in the server's directory, with its arguments in one text, and then one with spaces.
fn operator(server: &TestServer, arguments: &str) -> Run {
    run(server.directory.path(), &arguments.split_whitespace().collect::<Vec<_>>())
}

/// A server with a provider, and with the services `hub` and `desk` on the systems of the supplier SUP1, both of which
/// hold all groups since the server's clock began.
async fn scene() -> (TestServer, RegisteredConsumer, RegisteredConsumer) {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let with_id = |id: &str, asid: &str| {
        let mut registration = consumer();
        registration.client_id = Some(id.parse().unwrap());
        registration.asid = asid.parse().unwrap();
        registration
    };
    let hub = server.register(with_id("hub", "200000000205")).await;
    let desk = server.register(with_id("desk", "200000000206")).await;
    (server, hub, desk)
}

/// What a consumer is told when it asks for slots: the scope, or the reason of the refusal.
async fn told(server: &TestServer, consumer: &RegisteredConsumer) -> String {
    server.caught_up().await;
    let answer = server.token_by_secret(consumer).field("scope", "organization/slot.read").send().await;
    let body = answer.json();
    let part = |name: &str| body[name].as_str().map(str::to_owned);
    part("reason").or_else(|| part("scope")).unwrap()
}

#[tokio::test]
async fn a_suspended_supplier_takes_a_group_from_all_its_services_and_gives_it_back() {
    let (server, hub, desk) = scene().await;
    assert_eq!(told(&server, &hub).await, "organization/slot.read");

    let suspended = operator(&server, "assurance suspend --supplier SUP1 --group read:slot --json").success().json();
    assert_eq!(suspended["recorded"][0]["status"], "suspended");
    for consumer in [&hub, &desk] {
        assert_eq!(told(&server, consumer).await, "group_not_assured");
    }
    let other = server.token_by_secret(&hub).field("scope", "patient/appointment.write").send().await;
    other.token(); // only the one group was suspended

    let again = operator(&server, "assurance restore --supplier SUP1 --group read:slot");
    assert_eq!(again.code, 2, "whoever grants something says why: {again:?}");
    assert!(again.stderr.contains("says why"), "{again:?}");
    assert_eq!(told(&server, &hub).await, "group_not_assured");
    operator(&server, "assurance restore --supplier SUP1 --group read:slot --reason closed").success();
    for consumer in [&hub, &desk] {
        assert_eq!(told(&server, consumer).await, "organization/slot.read");
    }
}

#[tokio::test]
async fn a_change_says_which_services_lose_and_gain_what() {
    let server = TestServer::start().await;
    let register = "consumer register --ods-code A1001 --organisation-type urgent-care --supplier SUP1 --secret \
                    --group read:slot --evidence test --reason test --name Service";
    for (id, asid) in [("hub", "200000000205"), ("desk", "200000000206")] {
        operator(&server, &format!("{register} --client-id {id} --asid {asid}")).success();
    }
    let suspend = operator(&server, "assurance suspend --system 200000000205 --json").success().json();
    let lost = json!([{ "client_id": "hub", "name": "Service", "loses": [SLOT], "gains": [] }]);
    assert_eq!(suspend["affected"], lost);
    let both = operator(&server, "assurance suspend --organisation A1001").success().stdout;
    assert!(both.contains("1 service is affected") && both.contains("desk"), "hub had lost it before: {both}");
    let nobody = operator(&server, "assurance suspend --organisation A1001").success().stdout;
    assert!(nobody.contains("No service gains or loses"), "{nobody}");
    let restored = operator(&server, "assurance restore --organisation A1001 --reason test --json").success().json();
    let gained = json!([{ "client_id": "desk", "name": "Service", "loses": [], "gains": [SLOT] }]);
    assert_eq!(restored["affected"], gained);
}

#[tokio::test]
async fn an_assurance_counts_from_its_start_and_lapses_at_its_end() {
    let (server, hub, _) = scene().await;
    let (start, end) = (NOW.plus(1_000), NOW.plus(2_000));
    let give =
        format!("assurance give --system 200000000205 --group read:slot --evidence test --reason test --from {start}");
    operator(&server, &format!("{give} --until {end}")).success();
    let at = |time: UnixTime| server.clock.advance(time.since(server.clock.now()));
    assert_eq!(told(&server, &hub).await, "group_not_assured");
    for (time, expected) in [
        (start.plus(-1), "group_not_assured"),
        (start, "organization/slot.read"),
        (end.plus(-1), "organization/slot.read"),
        (end, "group_not_assured"),
    ] {
        at(time);
        assert_eq!(told(&server, &hub).await, expected, "{time}");
    }
    let refused = operator(&server, &format!("{give} --until {start}"));
    assert!(refused.code == 2 && refused.stderr.contains("before it starts"), "{refused:?}");
}

#[tokio::test]
async fn an_assurance_that_is_ended_ends_and_a_later_end_needs_a_reason() {
    let (server, hub, _) = scene().await;
    operator(&server, "assurance end --service hub --group read:slot").success();
    assert_eq!(told(&server, &hub).await, "group_not_assured");
    let later = operator(&server, "assurance end --service hub --group read:slot --at none");
    assert!(later.code == 2 && later.stderr.contains("says why"), "{later:?}");
    operator(&server, "assurance end --service hub --group read:slot --at none --reason back").success();
    assert_eq!(told(&server, &hub).await, "organization/slot.read");
}

#[tokio::test]
async fn all_that_lacks_behind_a_service_is_given_at_once_and_nothing_that_stands_is_touched() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let register = "consumer register --client-id hub --name Hub --asid 200000000205 --ods-code A1001 \
                    --organisation-type urgent-care --supplier SUP1 --secret --json";
    let registered = operator(&server, register).success().json();
    assert_eq!(registered["groups"], json!([]));
    operator(&server, "assurance give --supplier SUP1 --group read:slot --evidence first --reason test").success();
    let all = "assurance give --all-of hub --group read:slot --evidence second --reason test --json";
    let given = operator(&server, all).success().json();
    let subjects: Vec<&Value> =
        given["recorded"].as_array().unwrap().iter().map(|assurance| &assurance["subject"]).collect();
    assert_eq!(subjects, ["service", "organisation", "system"]);
    assert_eq!(given["affected"][0]["gains"], json!([SLOT]));
    let again = operator(&server, all).success();
    assert!(again.stderr.contains("nothing to give") && again.json()["recorded"] == json!([]), "{again:?}");

    let shown = operator(&server, "assurance show hub --json").success().json();
    let row = &shown["groups"][0];
    assert_eq!((&row["effective"], &row["obstacle"]), (&json!(true), &Value::Null));
    assert_eq!((&row["supplier"]["evidence"], &row["service"]["evidence"]), (&json!("first"), &json!("second")));

    operator(&server, "assurance suspend --supplier SUP1").success();
    let refused = operator(&server, all);
    assert!(refused.code == 1 && refused.stderr.contains("restore it first"), "{refused:?}");
    let shown = operator(&server, "assurance show hub").success().stdout;
    assert!(shown.contains("no: not all four stand") && shown.contains("suspended"), "{shown}");
}

#[tokio::test]
async fn what_is_assured_is_found_by_subject_group_status_and_end() {
    let server = TestServer::start().await;
    let give = "assurance give --group read:slot --group read:appointment --evidence test --reason test";
    operator(&server, &format!("{give} --supplier SUP1 --until 2099-01-01")).success();
    operator(&server, &format!("{give} --organisation SUP1 --from 2098-01-01")).success();
    operator(&server, "assurance suspend --supplier SUP1 --group read:slot").success();
    operator(&server, "assurance end --organisation SUP1 --group read:slot --at 2098-02-01").success();
    for (filter, expected) in [
        ("", 4),
        ("--supplier SUP1", 2),
        ("--kind organisation", 2),
        ("--kind service", 0),
        ("--group read:slot", 2),
        ("--status standing", 1),
        ("--status suspended", 1),
        ("--status future", 2),
        ("--status lapsed", 0),
        ("--ends-before 2099-01-02", 3),
        ("--ends-before 2099-01-01", 1),
        ("--supplier SUP1 --status standing --group read:appointment", 1),
    ] {
        let listed = operator(&server, &format!("assurance list --json {filter}")).success().json();
        assert_eq!(listed.as_array().unwrap().len(), expected, "{filter}: {listed}");
    }
    let table = operator(&server, "assurance list --status suspended").success().stdout;
    assert!(table.contains("supplier SUP1  read:slot  suspended") && table.contains("2099-01-01"), "{table}");
}

#[tokio::test]
async fn what_cannot_be_assured_is_one_sentence_and_changes_nothing() {
    let (server, ..) = scene().await;
    let before = operator(&server, "assurance list --json").success().stdout;
    for (arguments, code, expected) in [
        ("give --group read:slot --evidence x --reason x", 2, "whose assurance"),
        (
            "give --service hub --system 200000000205 --group read:slot --evidence x --reason x",
            2,
            "cannot be used with",
        ),
        ("give --service hub --group read:slot --reason x", 2, "--evidence"),
        ("give --service hub --group organization/slot.read --evidence x --reason x", 2, "is a scope"),
        ("give --service nobody --group read:slot --evidence x --reason x", 1, "nobody"),
        ("give --all-of nobody --group read:slot --evidence x --reason x", 1, "nobody"),
        ("give --supplier SUP1 --group urn:nhs:names:unknown --evidence x --reason x", 1, "urn:nhs:names:unknown"),
        ("give --supplier S!1 --group read:slot --evidence x --reason x", 2, "1 to 9 letters and digits"),
        ("give --supplier SUP1 --group read:slot --evidence x", 2, "says why"),
        ("give --supplier SUP1 --group read:slot --evidence x --reason x --until soon", 2, "2027-04-01"),
        ("suspend --supplier SUP9", 1, "supplier SUP9"),
        ("suspend", 2, "whose assurance"),
        ("show nobody", 1, "nobody"),
        ("confirm 00000000-0000-4000-8000-000000000000", 1, "open proposal"),
        ("confirm", 2, "required"),
    ] {
        let refused = operator(&server, &format!("assurance {arguments}"));
        assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{arguments}: {refused:?}");
        assert!(refused.stderr.contains(expected), "{arguments}: {refused:?}");
    }
    assert_eq!(operator(&server, "assurance list --json").success().stdout, before);
}

#[tokio::test]
async fn a_service_that_moves_to_another_system_is_assured_anew_before_it_holds_anything() {
    // R3
    let (server, hub, desk) = scene().await;
    let change = "consumer change hub --asid 200000000207 --name Moved --product none --party-key a1001-850001 --json";
    let changed = operator(&server, change).success();
    assert!(changed.stderr.contains("assurance restore --service hub"), "{changed:?}");
    let document = changed.json();
    assert_eq!((&document["asid"], &document["name"]), (&json!("200000000207"), &json!("Moved")));
    assert_eq!((&document["product"], &document["party_key"]), (&Value::Null, &json!("A1001-850001")));
    assert_eq!(told(&server, &hub).await, "group_not_assured");

    let give =
        format!("assurance give --system 200000000207 --group read:slot --evidence test --reason test --from {NOW}");
    operator(&server, &give).success();
    assert_eq!(
        told(&server, &hub).await,
        "group_not_assured",
        "what was assured of the service was for another system"
    );
    operator(&server, "assurance restore --service hub --reason reviewed").success();
    assert_eq!(told(&server, &hub).await, "organization/slot.read");
    assert_eq!(told(&server, &desk).await, "organization/slot.read");

    let renamed = operator(&server, "consumer change hub --name Again --product-version 3").success();
    assert!(!renamed.stderr.contains("restore"), "{renamed:?}");
    let held = operator(&server, "consumer change hub --ods-code B1");
    assert_eq!(held.code, 0, "no other service is on that system: {held:?}");
    let held = operator(&server, "consumer change hub --asid 200000000206");
    assert!(held.code == 1 && held.stderr.contains("is held by the organisation A1001"), "{held:?}");
    let nothing = operator(&server, "consumer change hub");
    assert!(nothing.code == 2 && nothing.stderr.contains("nothing to change"), "{nothing:?}");
}

#[tokio::test]
async fn consumers_are_found_by_what_is_registered_of_them() {
    let (server, ..) = scene().await;
    operator(&server, "consumer suspend desk").success();
    operator(&server, "consumer change desk --name Helpdesk --supplier SUP2").success();
    operator(&server, "assurance end --system 200000000205 --group read:slot --at 2099-01-01").success();
    for (filter, expected) in [
        ("", &["desk", "hub"][..]),
        ("--asid 200000000206", &["desk"]),
        ("--ods-code a1001", &["desk", "hub"]),
        ("--supplier SUP2", &["desk"]),
        ("--status active", &["hub"]),
        ("--name DESK", &["desk"]),
        ("--expires-before 2099-01-02", &["hub"]),
        ("--expires-before 2098-01-01", &[]),
    ] {
        let listed = operator(&server, &format!("consumer list --json {filter}")).success().json();
        let ids: Vec<&Value> = listed.as_array().unwrap().iter().map(|consumer| &consumer["client_id"]).collect();
        assert_eq!(ids, expected, "{filter}");
    }
    let refused = operator(&server, "consumer list --status gone");
    assert!(refused.code == 2 && refused.stderr.contains("active, suspended or retired"), "{refused:?}");
    let wide = operator(&server, "consumer list").success().stdout;
    assert!(wide.contains("SUPPLIER") && wide.lines().all(|line| line.chars().count() <= 120), "{wide}");
}

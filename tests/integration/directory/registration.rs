//! Consumers that are registered with what the directory knows.

use std::fs;

use careconnect_auth::domain::Role;
use serde_json::json;

use super::{
    CONSUMER, UNKNOWN,
    entries::{READ, system},
};
use crate::support::{command::Run, slapd::Slapd, test_server::TestServer};

/// A system of which the directory does not say who made it.
const WITHOUT_SUPPLIER: &str = "200000100030";

async fn with_directory() -> (TestServer, Slapd) {
    let entry = system(WITHOUT_SUPPLIER, "T11111-1", &format!("nhsIDCode: T11111\nnhsAsSvcIA: {READ}\n"));
    let slapd = Slapd::start(&entry).await;
    let lines = format!(
        "directory.url = \"{}\"\ndirectory.timeout_seconds = 20\ndirectory.check_every_seconds = 0\n",
        slapd.url()
    );
    (TestServer::with(&lines).await, slapd)
}

async fn register(server: &TestServer, more: &[&str]) -> Run {
    let head = ["consumer", "register", "--json", "--secret", "--name", "Hub", "--organisation-type", "urgent-care"];
    let arguments: Vec<String> = head.iter().chain(more).map(|one| (*one).to_owned()).collect();
    let directory = server.directory.path().to_path_buf();
    let run =
        move || crate::support::command::run(&directory, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn the_command_line_fills_in_what_the_directory_knows() {
    let (server, slapd) = with_directory().await;
    let registered = register(&server, &["--from-directory", CONSUMER]).await.success().json();
    let expected = json!([CONSUMER, "Z9X8W", "TESTSUP1", "Example 111 Consumer", "1.0", "Z9X8W-850001"]);
    let names = ["asid", "ods_code", "supplier_ods_code", "product", "product_version", "party_key"];
    assert_eq!(json!(names.map(|name| registered[name].clone())), expected, "{registered}");
    register(&server, &["--from-directory", CONSUMER, "--ods-code", "z9x8w", "--party-key", "Z9X8W-850001"])
        .await
        .success();

    for (more, sentence) in [
        (
            &["--from-directory", CONSUMER, "--ods-code", "B2002", "--supplier", "OTHER"][..],
            "the directory says that the ods code is Z9X8W, not B2002; the directory says that the supplier ods code is TESTSUP1, not OTHER",
        ),
        (&["--from-directory", WITHOUT_SUPPLIER], "the directory does not know it: say --supplier"),
        (&["--from-directory", UNKNOWN], "has no system of the ASID 299999999999"),
        (&["--from-directory", CONSUMER, "--asid", CONSUMER], "cannot be used with"),
        (&["--asid", CONSUMER], "--ods-code"),
    ] {
        let refused = register(&server, more).await;
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(sentence), "{sentence}: {refused:?}");
    }
    register(&server, &["--from-directory", WITHOUT_SUPPLIER, "--supplier", "SUP1"]).await.success();
    assert_eq!(server.database.handle().list_consumers().await.unwrap().len(), 3);
    slapd.stop();
    let unanswered = register(&server, &["--from-directory", CONSUMER]).await;
    assert!(unanswered.code == 2 && unanswered.stderr.contains("the directory cannot be reached"), "{unanswered:?}");
}

#[tokio::test]
async fn the_admin_api_shows_what_the_directory_knows_and_fills_it_in() {
    let (server, slapd) = with_directory().await;
    let (admin, viewer) = (server.admin_as(Role::Editor), server.admin_as(Role::Viewer));
    let known = viewer.get(&format!("/directory/systems/{CONSUMER}")).await;
    assert_eq!((known.status.as_u16(), &known.json()["ods_code"]), (200, &json!("Z9X8W")));
    for path in [format!("/directory/systems/{UNKNOWN}"), "/directory/systems/12".to_owned()] {
        assert_eq!(viewer.get(&path).await.problem(404), "not-found");
    }
    assert_eq!(viewer.get("/directory/comparison").await.json()["compared_at"], json!(null));

    let body = json!({ "name": "Hub", "asid": CONSUMER, "organisation_type": "urgent-care", "from_directory": true });
    let made = admin.post("/consumers", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let consumer = &made.json()["consumer"];
    let names = ["ods_code", "supplier_ods_code", "product", "product_version", "party_key"];
    let expected = json!(["Z9X8W", "TESTSUP1", "Example 111 Consumer", "1.0", "Z9X8W-850001"]);
    assert_eq!(json!(names.map(|name| consumer[name].clone())), expected);

    let with = |changes: serde_json::Value| careconnect_auth::domain::merge_patch(body.clone(), &changes);
    for (changed, faults) in [
        (with(json!({ "ods_code": "B2002", "party_key": "B2002-1" })), vec!["/ods_code", "/party_key"]),
        (with(json!({ "asid": UNKNOWN })), vec!["/asid"]),
        (with(json!({ "asid": "x" })), vec!["/asid", "/ods_code", "/supplier_ods_code"]),
        (with(json!({ "asid": WITHOUT_SUPPLIER })), vec!["/supplier_ods_code"]),
        (with(json!({ "from_directory": "yes" })), vec!["/ods_code", "/supplier_ods_code", "/from_directory"]),
        (with(json!({ "from_directory": false })), vec!["/ods_code", "/supplier_ods_code"]),
    ] {
        let refused = admin.post("/consumers", &changed).await;
        assert_eq!(refused.problem(422), "invalid");
        assert_eq!(refused.faults(), faults, "{changed}");
    }
    slapd.stop();
    assert_eq!(admin.post("/consumers", &body).await.problem(503), "directory-unavailable");
    assert_eq!(viewer.get(&format!("/directory/systems/{CONSUMER}")).await.problem(503), "directory-unavailable");
}

#[tokio::test]
async fn without_a_directory_nothing_is_asked_of_it() {
    let server = TestServer::start().await;
    let admin = server.admin();
    for path in [format!("/directory/systems/{CONSUMER}"), "/directory/comparison".to_owned()] {
        assert_eq!(admin.get(&path).await.problem(404), "not-found");
    }
    fs::metadata(server.directory.path()).unwrap();
    let refused = register(&server, &["--from-directory", CONSUMER]).await;
    assert!(refused.code == 2 && refused.stderr.contains("no directory is configured"), "{refused:?}");
}

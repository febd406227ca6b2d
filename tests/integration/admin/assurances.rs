//! Assurances: given, suspended, restored, and what becomes of tokens.

use careconnect_verifier::Group;
use reqwest::Method;
use serde_json::{Value, json};

use super::registering::{actions, audit, give, items, patch, registered, token_status, with_headers};
use crate::support::{
    requests::Answer,
    soon::until,
    test_server::{ROOT, TestServer},
};

fn supplier(group: &Group) -> String {
    format!("/assurances/supplier/SUP1/{group}")
}

#[tokio::test]
async fn an_assurance_is_given_changed_suspended_and_restored() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let path = supplier(&Group::READ_SLOT);
    let body = json!({"evidence": "CSR-7", "reason": "review", "ends_at": "2028-01-01T00:00:00Z"});
    assert_eq!(admin.get(&path).await.problem(404), "not-found");
    assert_eq!(admin.put(&path, "*", &body).await.problem(404), "not-found", "there is nothing to replace");
    let blind = with_headers(&admin, Method::PUT, &path, &[], &body).await;
    assert_eq!(blind.problem(428), "precondition-required");
    let made = give(&admin, &path, &body).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, format!("/admin/v1{path}").as_str()));
    assert_eq!((made.json()["recorded_by"].as_str(), &made.json()["confirmed_by"]), (Some("Root"), &Value::Null));
    assert_eq!(
        (admin.get(&path).await.json(), admin.get(&path).await.header("etag")),
        (made.json(), made.header("etag"))
    );
    let again = give(&admin, &path, &body).await;
    assert_eq!((again.problem(412), again.header("etag")), ("precondition-failed".to_owned(), made.header("etag")));
    let both = with_headers(&admin, Method::PUT, &path, &[("if-none-match", "*"), ("if-match", "*")], &body).await;
    assert_eq!(both.problem(400), "malformed");

    let suspended = admin.patch(&path, made.header("etag"), &json!({"status": "suspended"})).await;
    assert_eq!(suspended.json()["suspended_at"], "2027-01-15T08:00:00Z");
    let unsaid = admin.patch(&path, "*", &json!({"status": "active"})).await;
    assert_eq!((unsaid.problem(422).as_str(), unsaid.faults()), ("invalid", vec!["/reason".to_owned()]));
    let restored = admin.patch(&path, suspended.header("etag"), &json!({"status": "active", "reason": "closed"})).await;
    assert_eq!((restored.status.as_u16(), &restored.json()["suspended_at"]), (200, &Value::Null));
    let longer = admin.put(&path, restored.header("etag"), &json!({"evidence": "CSR-8", "reason": "review"})).await;
    assert_eq!((&longer.json()["evidence"], &longer.json()["ends_at"]), (&json!("CSR-8"), &Value::Null));
    let wrong = json!({"evidence": "", "starts_at": "soon", "status": "retired", "group": "x"});
    let answer = admin.put(&path, "*", &wrong).await;
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(
        (answer.problem(422).as_str(), faults),
        ("invalid", ["/evidence", "/group", "/reason", "/starts_at", "/status"].map(str::to_owned).into())
    );
    let before_start = json!({"ends_at": "2026-01-01T00:00:00Z"});
    assert_eq!(patch(&admin, &path, &before_start).await.faults(), ["/ends_at"]);

    let done = actions(&server).await.into_iter().filter(|action| action.starts_with("assurance."));
    let expected = ["given", "suspended", "restored", "changed"].map(|done| format!("assurance.{done}"));
    assert_eq!(done.collect::<Vec<_>>(), expected);
    let refused = audit(&server).await.into_iter().find(|[.., outcome]| outcome == "refused").unwrap();
    assert_eq!(refused[2], format!("supplier SUP1 for {}", Group::READ_SLOT));
}

#[tokio::test]
async fn nothing_is_assured_of_what_is_not_there_or_for_what_is_not_a_group() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let body = json!({"evidence": "x", "reason": "y"});
    for path in [
        format!("/assurances/service/none/{}", Group::READ_SLOT),
        format!("/assurances/person/SUP1/{}", Group::READ_SLOT),
        format!("/assurances/system/12/{}", Group::READ_SLOT),
        "/assurances/supplier/SUP1/urn:nhs:unknown:group".to_owned(),
        "/assurances/supplier/SUP1/read:slot".to_owned(),
    ] {
        assert_eq!(give(&admin, &path, &body).await.problem(404), "not-found", "{path}");
    }
    assert_eq!(admin.get("/assurances/supplier/SUP1").await.problem(404), "not-found");
    assert_eq!(
        patch(&admin, "/assurances/supplier/SUP1", &json!({"status": "suspended"})).await.problem(404),
        "not-found"
    );
}

#[tokio::test]
async fn suspending_a_supplier_takes_its_groups_from_every_token_and_restoring_gives_them_back() {
    // R3
    let server = TestServer::start().await;
    let admin = server.admin();
    server.register_provider(|_| {}).await;
    let groups = [Group::READ_SLOT, Group::CREATE_APPOINTMENT];
    let (path, secret) = registered(&admin, &groups).await;
    let status = async || token_status(&server, &path, &secret).await;
    until("a token", async || status().await == 200).await;
    let matrix = items(&admin.get(&format!("{path}/groups")).await);
    assert!(matrix.len() == 2 && matrix.iter().all(|row| row["effective"] == true), "{matrix:?}");

    let all = "/assurances/supplier/SUP1";
    let before = admin.get(all).await;
    assert_eq!(items(&before).len(), 2);
    let suspended = admin.patch(all, before.header("etag"), &json!({"status": "suspended", "reason": "INC-1"})).await;
    assert_eq!((suspended.status.as_u16(), items(&suspended).len()), (200, 2));
    assert_eq!(admin.get(all).await.header("etag"), suspended.header("etag"));
    let stale = admin.patch(all, before.header("etag"), &json!({"status": "active", "reason": "x"})).await;
    assert_eq!(
        (stale.problem(412), stale.header("etag")),
        ("precondition-failed".to_owned(), suspended.header("etag"))
    );
    until("no token", async || status().await == 400).await;
    let client_id = path.rsplit_once('/').unwrap().1;
    let refused: Answer = server.token().basic(client_id, &secret).field("resource", ROOT).send().await;
    assert_eq!(refused.refused(400), ("invalid_scope".to_owned(), "group_not_assured".to_owned()));
    let row = &items(&admin.get(&format!("{path}/groups")).await)[0];
    assert_eq!(
        (&row["effective"], &row["supplier"]["status"], &row["system"]["status"]),
        (&json!(false), &json!("suspended"), &json!("standing"))
    );
    let unsaid = patch(&admin, all, &json!({"status": "active"})).await;
    assert_eq!((unsaid.problem(422).as_str(), unsaid.faults()), ("invalid", vec!["/reason".to_owned()]));
    assert_eq!(patch(&admin, all, &json!({"status": "active", "reason": "closed"})).await.status, 200);
    until("a token again", async || status().await == 200).await;
    let done: Vec<String> =
        actions(&server).await.into_iter().filter(|action| action.starts_with("assurance.")).collect();
    assert_eq!(done[8..], ["suspended", "suspended", "restored", "restored"].map(|done| format!("assurance.{done}")));
}

#[tokio::test]
async fn a_matrix_says_what_lacks() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[]).await;
    assert_eq!(items(&admin.get(&format!("{path}/groups")).await), Vec::<Value>::new());
    let later = json!({"evidence": "x", "reason": "y", "starts_at": "2027-02-01T00:00:00Z"});
    assert_eq!(give(&admin, &supplier(&Group::READ_SLOT), &later).await.status, 201);
    let row = &items(&admin.get(&format!("{path}/groups")).await)[0];
    let status = |kind: &str| row[kind]["status"].as_str().unwrap().to_owned();
    assert_eq!(
        ["service", "organisation", "system", "supplier"].map(status),
        ["missing", "missing", "missing", "future"]
    );
    assert_eq!((&row["effective"], &row["supplier"]["evidence"]), (&json!(false), &json!("x")));
    assert_eq!(admin.get("/consumers/none/groups").await.problem(404), "not-found");
}

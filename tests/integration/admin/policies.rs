//! Certificate policies by the admin API.

use careconnect_auth::http::admin::BASE;
use careconnect_verifier::Group;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::test_server::TestServer;

fn new_policy() -> Value {
    json!({ "name": "Appointments only (50%)", "host_prefix": "Appt-", "groups": [Group::CREATE_APPOINTMENT] })
}

#[tokio::test]
async fn a_policy_is_added_changed_and_removed_and_its_name_stays_taken() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = admin.post("/certificate-policies", &new_policy()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = made.header("location").strip_prefix(BASE).unwrap().to_owned();
    assert_eq!(path, "/certificate-policies/Appointments%20only%20%2850%25%29");
    assert_eq!(admin.get(&path).await.json(), made.json());
    assert_eq!(made.json()["host_prefix"], "appt-");
    let more = json!({ "groups": [Group::CREATE_APPOINTMENT, Group::READ_SLOT], "issuer_key": "ab".repeat(32), "reason": "More" });
    let changed = admin.patch(&path, made.header("etag"), &more).await;
    assert_eq!((changed.status.as_u16(), changed.json()["issuer_key"].as_str().unwrap().len()), (200, 43));
    assert_eq!(admin.patch(&path, made.header("etag"), &more).await.problem(412), "precondition-failed");
    assert_eq!(admin.get("/certificate-policies").await.json()["items"], json!([changed.json()]));

    assert_eq!(admin.send(Method::DELETE, &path, |request| request).await.problem(428), "precondition-required");
    assert_eq!(admin.delete(&path, made.header("etag")).await.problem(412), "precondition-failed");
    let removed = admin.delete(&format!("{path}?reason=No%20longer"), changed.header("etag")).await;
    assert_eq!(removed.status, 200, "{}", removed.text());
    assert!(removed.json()["removed_at"].is_string());
    let record = &admin.get("/audit?action=certificate_policy.removed").await.json()["items"][0];
    assert_eq!((&record["reason"], &record["before"]), (&"No longer".into(), &changed.json()));
    assert_eq!(admin.get(&path).await.problem(404), "not-found");
    assert_eq!(admin.delete(&path, "*").await.problem(404), "not-found");
    assert_eq!(admin.patch(&path, "*", &json!({})).await.problem(404), "not-found");
    assert_eq!(admin.get("/certificate-policies").await.json()["items"], json!([]));
    assert_eq!(admin.post("/certificate-policies", &new_policy()).await.problem(409), "conflict");
}

#[tokio::test]
async fn all_that_is_wrong_with_a_policy_is_said_at_once() {
    // R50
    let server = TestServer::start().await;
    let admin = server.admin();
    let wrong = json!({
        "name": "", "host_prefix": "*.", "issuer_key": "x", "groups": ["urn:unknown:group", "x"], "removed_at": null,
    });
    let answer = admin.post("/certificate-policies", &wrong).await;
    assert_eq!(answer.problem(422), "invalid");
    let mut faults = answer.faults();
    faults.sort_unstable();
    assert_eq!(faults, ["/groups/0", "/groups/1", "/host_prefix", "/issuer_key", "/name", "/removed_at"]);
    admin.post("/certificate-policies", &new_policy()).await;
    let path = "/certificate-policies/Appointments%20only%20(50%25)";
    let answer = admin.patch(path, "*", &json!({ "groups": [], "name": "Other" })).await;
    assert_eq!(
        (answer.problem(422).as_str(), answer.faults()),
        ("invalid", vec!["/groups".to_owned(), "/name".to_owned()])
    );
    assert_eq!(admin.delete(&format!("{path}?reason=%0A"), "*").await.problem(400), "malformed");
    assert_eq!(admin.delete(&format!("{path}?because=x"), "*").await.problem(400), "malformed");
}

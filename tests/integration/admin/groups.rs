//! Groups and organisation types by the admin API.

use careconnect_auth::{domain::Role, http::admin::BASE};
use careconnect_verifier::Group;
use serde_json::{Value, json};

use crate::support::test_server::TestServer;

const URN: &str = "urn:nhs:names:services:careconnect:fhir:rest:read:schedule";

fn new_group() -> Value {
    json!({ "group": URN, "scope": "organization/schedule.read", "interactions": [URN] })
}

#[tokio::test]
async fn a_group_is_added_read_changed_and_switched() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let path = format!("/groups/{URN}");
    assert_eq!(admin.get(&path).await.problem(404), "not-found");
    let made = admin.post("/groups", &new_group()).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (201, format!("{BASE}{path}").as_str()));
    assert_eq!(admin.get(&path).await.json(), made.json());
    assert_eq!(admin.get("/groups").await.json()["items"].as_array().unwrap().len(), 6);
    assert_eq!(admin.post("/groups", &new_group()).await.problem(409), "conflict");

    let object_id = "8c4fe8a9-6f3f-4a2b-9b8f-0d4a0c1b2a3d";
    let change = json!({ "entra_object_id": object_id, "status": "suspended", "reason": "Incident 4711" });
    let changed = admin.patch(&path, made.header("etag"), &change).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["entra_object_id"]), (200, &object_id.into()));
    assert!(changed.json()["suspended_at"].is_string());
    assert_eq!(admin.patch(&path, made.header("etag"), &json!({})).await.problem(412), "precondition-failed");
    let record =
        admin.get(&format!("/audit?subject=group&identifier={URN}&limit=1&outcome=done")).await.json()["items"][0]
            .clone();
    assert_eq!((&record["action"], &record["reason"]), (&"group.suspended".into(), &"Incident 4711".into()));
    assert_eq!((&record["before"], &record["after"]), (&made.json(), &changed.json()));
    let restored =
        admin.patch(&path, changed.header("etag"), &json!({ "status": "active", "entra_object_id": null })).await;
    assert_eq!(restored.json(), made.json());
}

#[tokio::test]
async fn all_that_is_wrong_with_a_group_is_said_at_once() {
    // R50
    let server = TestServer::start().await;
    let admin = server.admin();
    let wrong = json!({
        "group": "read:slot", "scope": "two scopes", "interactions": ["x"], "entra_object_id": "1", "status": "retired",
        "members": [],
    });
    let answer = admin.post("/groups", &wrong).await;
    assert_eq!(answer.problem(422), "invalid");
    let expected = ["/group", "/scope", "/interactions/0", "/entra_object_id", "/status", "/members"];
    assert_eq!(answer.faults(), expected);
    let path = format!("/groups/{}", Group::READ_SLOT);
    let answer = admin.patch(&path, "*", &json!({ "interactions": [], "group": URN, "suspended_at": null })).await;
    assert_eq!(
        (answer.problem(422).as_str(), answer.faults()),
        ("invalid", ["/interactions", "/group", "/suspended_at"].map(str::to_owned).to_vec())
    );
}

#[tokio::test]
async fn organisation_types_are_added_and_called_otherwise() {
    let server = TestServer::start().await;
    let (admin, viewer) = (server.admin_as(Role::Editor), server.admin_as(Role::Viewer));
    let new = json!({ "code": "community-pharmacy", "display": "Pharmacy" });
    assert_eq!(viewer.post("/organisation-types", &new).await.problem(403), "not-permitted"); // R49
    let made = admin.post("/organisation-types", &new).await;
    let path = "/organisation-types/community-pharmacy";
    assert_eq!((made.status.as_u16(), made.header("location")), (201, format!("{BASE}{path}").as_str()));
    assert_eq!(viewer.get(path).await.json(), made.json());
    assert_eq!(admin.post("/organisation-types", &new).await.problem(409), "conflict");
    let listed = viewer.get("/organisation-types?limit=200").await.json();
    assert!(listed["items"].as_array().unwrap().contains(&made.json()));
    let changed = admin.patch(path, made.header("etag"), &json!({ "display": "Community pharmacy" })).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["display"]), (200, &"Community pharmacy".into()));
    assert_eq!(admin.patch(path, made.header("etag"), &json!({})).await.problem(412), "precondition-failed");
    assert_eq!(admin.patch("/organisation-types/none", "*", &json!({})).await.problem(404), "not-found");
    let wrong = admin.post("/organisation-types", &json!({ "code": "GP", "display": "a\nb", "reason": 1 })).await;
    assert_eq!((wrong.problem(422).as_str(), wrong.faults().len()), ("invalid", 3));
    for name in ["/organisation-types/GP", "/groups/x", "/organisation-types/%00", "/groups/%2F"] {
        assert_eq!(viewer.get(name).await.problem(404), "not-found");
    }
}

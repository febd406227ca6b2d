//! What one administrator may take (R54), and what must not be in the audit.

use careconnect_auth::{clock::Clock, domain::Role};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::test_server::{TestServer, consumer};

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_of_one_administrator_wait_for_each_other_and_none_is_lost() {
    // R54
    let server = TestServer::start().await;
    let (viewer, editor) = (server.admin_as(Role::Viewer), server.admin_as(Role::Editor));
    let body = json!({ "code": "type-1", "display": "One" });
    let (mut refused, mut read) = (JoinSet::new(), JoinSet::new());
    for _ in 0..40 {
        let (one, other, body) = (viewer.clone(), viewer.clone(), body.clone());
        refused.spawn(async move { one.post("/organisation-types", &body).await });
        read.spawn(async move { other.get("/audit?limit=200").await });
    }
    let made = editor.post("/organisation-types", &body).await;
    let (refused, read) = (refused.join_all().await, read.join_all().await);
    assert!(refused.iter().all(|answer| answer.status == 403) && read.iter().all(|answer| answer.status == 200));
    assert_eq!(made.status, 201);
    let records = editor.get("/audit?outcome=refused&limit=200").await.json();
    assert_eq!(records["items"].as_array().unwrap().len(), 40);
}

#[tokio::test]
async fn a_consumer_has_a_hundred_ways_in_at_most() {
    // R54
    let server = TestServer::start().await;
    let editor = server.admin_as(Role::Editor);
    let registered = server.register(consumer()).await;
    let path = format!("/consumers/{}/credentials", registered.consumer.client_id);
    let certificate = |number: usize| json!({ "kind": "san_dns", "value": format!("c{number}.nhs.uk") });
    for number in 1..100 {
        assert_eq!(editor.post(&path, &certificate(number)).await.status, 201);
    }
    let refused = editor.post(&path, &certificate(100)).await;
    assert_eq!(refused.problem(409), "conflict");
    let held = editor.get(&path).await.json();
    let first = held["items"].as_array().unwrap().iter().find(|held| held["kind"] == "san_dns").unwrap();
    let at = server.clock.now().plus(60);
    server.clock.advance(60);
    let path_of_first = format!("{path}/{}", first["id"].as_str().unwrap());
    let ended = editor.patch(&path_of_first, "*", &json!({ "ends_at": at.to_string() })).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    assert_eq!(editor.post(&path, &certificate(100)).await.status, 201);
}

#[tokio::test]
async fn no_secret_comes_into_the_audit_by_a_reason_an_evidence_or_a_name() {
    // R55
    let server = TestServer::start().await;
    let editor = server.admin_as(Role::Editor);
    let registered = server.register(consumer()).await;
    let secret = registered.secret.as_ref().unwrap().expose();
    let path = format!("/consumers/{}", registered.consumer.client_id);
    let key = "-----BEGIN PRIVATE KEY-----MC4CAQAw-----END PRIVATE KEY-----";
    for (member, value) in
        [("reason", secret), ("name", secret), ("reason", key), ("name", key), ("reason", "a\u{202e}b")]
    {
        let refused = editor.patch(&path, "*", &json!({ member: value })).await;
        assert_eq!(refused.problem(422), "invalid");
        assert_eq!(refused.faults(), [format!("/{member}")]);
        assert!(!refused.text().contains(value), "{}", refused.text());
    }
    let audit: Value = editor.get("/audit?limit=200").await.json();
    assert!(!audit.to_string().contains(secret) && !audit.to_string().contains("MC4CAQAw"), "{audit}");
}

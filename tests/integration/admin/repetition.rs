//! Changes that are sent twice by one name: done once, and answered twice.

use careconnect_auth::domain::Role;
use careconnect_verifier::Group;
use reqwest::Method;
use serde_json::{Value, json};

use super::registering::{actions, items, registered, registration, with_headers};
use crate::support::{admin::Admin, requests::Answer, test_server::TestServer};

async fn keyed(admin: &Admin, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let state = if method == Method::PUT { ("if-none-match", "*") } else { ("if-match", "*") };
    with_headers(admin, method, path, &[state, ("idempotency-key", key)], body).await
}

#[track_caller]
fn is_repeated(first: &Answer, second: &Answer) {
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.status, second.status);
    let state = |answer: &Answer| (answer.header("location").to_owned(), answer.header("etag").to_owned());
    assert_eq!(state(first), state(second));
    let mut expected = first.json();
    if expected.get("client_secret").is_some_and(|secret| !secret.is_null()) {
        expected["client_secret"] = Value::Null; // R16
    }
    assert_eq!(second.json(), expected);
}

#[tokio::test]
async fn every_change_is_done_once_and_its_repetition_is_answered_from_the_audit() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[Group::READ_SLOT]).await;
    let (credentials, rotations) = (format!("{path}/credentials"), format!("{path}/secret-rotations"));
    let one = format!("{credentials}/{}", items(&admin.get(&credentials).await)[0]["id"].as_str().unwrap());
    let assurance = format!("/assurances/supplier/SUP9/{}", Group::READ_SLOT);
    let mut second = registration(&[Group::READ_SLOT]);
    second["name"] = "Second".into();
    let rows = [
        (Method::POST, "/consumers", second),
        (Method::PATCH, &path, json!({"name": "Hub"})),
        (Method::POST, &credentials, json!({"kind": "secret"})),
        (Method::POST, &credentials, json!({"kind": "san_dns", "value": "a.nhs.uk"})),
        (Method::POST, &rotations, json!({"overlap_seconds": 60})),
        (Method::PATCH, &one, json!({"label": "old"})),
        (Method::PUT, &assurance, json!({"evidence": "x", "reason": "y"})),
        (Method::PATCH, &assurance, json!({"status": "suspended"})),
        (Method::PATCH, "/assurances/supplier/SUP1", json!({"status": "suspended"})),
    ];
    for (number, (method, path, body)) in rows.into_iter().enumerate() {
        let key = format!("key-{number}");
        let first = keyed(&admin, method.clone(), path, &key, &body).await;
        assert!(first.status.is_success(), "{method} {path}: {}", first.text());
        let done = actions(&server).await;
        let again = keyed(&admin, method.clone(), path, &key, &body).await;
        is_repeated(&first, &again);
        assert_eq!(actions(&server).await, done, "{method} {path}");
        let other = keyed(&admin, method.clone(), path, &key, &json!({"other": 1})).await;
        assert!([409, 422].contains(&other.status.as_u16()), "{}", other.text());
    }
}

#[tokio::test]
async fn a_key_names_one_request_of_one_administrator() {
    let server = TestServer::start().await;
    let (root, editor) = (server.admin(), server.admin_as(Role::Editor));
    let post = async |admin: &Admin, name: &str| {
        let mut body = registration(&[]);
        body["name"] = name.into();
        keyed(admin, Method::POST, "/consumers", "one", &body).await
    };
    let first = post(&root, "a").await;
    let other = post(&root, "b").await;
    assert_eq!(other.problem(422), "invalid");
    assert!(other.text().contains("Idempotency-Key"), "{}", other.text());
    assert_eq!(post(&editor, "b").await.status, 201);
    is_repeated(&first, &post(&root, "a").await);
    server.clock.advance(24 * 60 * 60 + 1);
    let anew = post(&root, "a").await;
    assert_eq!((anew.status.as_u16(), anew.header("idempotency-replayed")), (201, ""));
    assert_eq!(items(&root.get("/consumers").await).len(), 3);
}

#[tokio::test]
async fn twenty_repetitions_at_once_make_one() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let body = registration(&[Group::READ_SLOT]);
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (admin, body) = (admin.clone(), body.clone());
        sent.spawn(async move {
            loop {
                let answer = keyed(&admin, Method::POST, "/consumers", "same", &body).await;
                if answer.status != 503 {
                    return answer; // who waits too long for a connection is told to try again
                }
            }
        });
    }
    let answers = sent.join_all().await;
    answers.iter().for_each(|answer| assert_eq!(answer.status, 201, "{}", answer.text()));
    let anew = |answer: &&Answer| answer.header("idempotency-replayed").is_empty();
    assert_eq!(answers.iter().filter(anew).count(), 1);
    assert_eq!(answers.iter().filter(|answer| !answer.json()["client_secret"].is_null()).count(), 1);
    assert_eq!(items(&admin.get("/consumers").await).len(), 1);
    let done = actions(&server).await.into_iter().filter(|action| !action.starts_with("POST"));
    assert_eq!(done.count(), 5);
}

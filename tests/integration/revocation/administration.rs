//! Administrators take tokens back, by API and by command.

use careconnect_auth::domain::Role;
use serde_json::json;

use super::{claims, is_active, listed, scene, token};
use crate::support::{
    command::run_with_input,
    test_server::{TestServer, consumer},
};

#[tokio::test]
async fn an_administrator_revokes_one_token_by_itself_or_by_its_id() {
    // R49
    let (server, consumer) = scene().await;
    let (editor, viewer) = (server.admin_as(Role::Editor), server.admin_as(Role::Viewer));
    let client_id = consumer.consumer.client_id.as_str();
    let (one, two, kept) =
        (token(&server, &consumer).await, token(&server, &consumer).await, token(&server, &consumer).await);
    let by_itself = json!({ "token": one, "reason": "Found in a log" });
    for admin in [&viewer, &server.admin_as(Role::Approver)] {
        assert_eq!(admin.post("/revoked-tokens", &by_itself).await.problem(403), "not-permitted");
    }
    assert!(is_active(&server, &consumer, &one).await);
    let revoked = editor.post("/revoked-tokens", &by_itself).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert_eq!((&revoked.json()["client_id"], &revoked.json()["jti"]), (&json!(client_id), &claims(&one)["jti"]));
    let by_id = json!({ "client_id": client_id, "jti": claims(&two)["jti"] });
    assert_eq!(editor.post("/revoked-tokens", &by_id).await.status, 200);
    assert!(!is_active(&server, &consumer, &one).await && !is_active(&server, &consumer, &two).await);
    assert!(is_active(&server, &consumer, &kept).await);
    let shown = viewer.get(&format!("/revoked-tokens?client_id={client_id}")).await.json()["items"].clone();
    let mut expected = [claims(&one)["jti"].clone(), claims(&two)["jti"].clone()];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(json!([shown[0]["jti"], shown[1]["jti"]]), json!(expected));
    assert_eq!(viewer.get("/revoked-tokens?client_id=nobody").await.json()["items"], json!([]));
    let records = viewer.get(&format!("/audit?subject=revoked_token&identifier={client_id}&outcome=done")).await.json();
    assert_eq!(records["items"].as_array().unwrap().len(), 2, "{records}");
    assert_eq!(records["items"][1]["reason"], "Found in a log");
}

#[tokio::test]
async fn what_is_revoked_by_a_repeated_request_is_revoked_once() {
    // R51
    let (server, consumer) = scene().await;
    let token = token(&server, &consumer).await;
    let body = json!({ "token": token });
    let post = async |key: &'static str| {
        let send = |request: reqwest::RequestBuilder| request.header("idempotency-key", key).json(&body);
        server.admin().send(reqwest::Method::POST, "/revoked-tokens", send).await
    };
    let first = post("one").await;
    let again = post("one").await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", first.json()));
    assert_eq!(post("two").await.json(), first.json(), "it stays as it was");
}

#[tokio::test]
async fn all_tokens_of_a_consumer_are_revoked_and_it_gets_new_ones() {
    let (server, leaking) = scene().await;
    let other = server.register(consumer()).await;
    let (before, others) = (token(&server, &leaking).await, token(&server, &other).await);
    let path = format!("/consumers/{}/token-revocations", leaking.consumer.client_id);
    assert_eq!(server.admin_as(Role::Viewer).post(&path, &json!({})).await.problem(403), "not-permitted");
    let revoked = server.admin_as(Role::Editor).post(&path, &json!({ "reason": "INC-4711" })).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    assert!(!is_active(&server, &leaking, &before).await && is_active(&server, &other, &others).await);
    server.clock.advance(1);
    let after = token(&server, &leaking).await;
    assert!(is_active(&server, &leaking, &after).await);
    server.clock.advance(1);
    assert_eq!(server.admin().post(&path, &json!({})).await.status, 200);
    assert!(!is_active(&server, &leaking, &after).await, "a second time, with those that it got meanwhile");
    assert_eq!(listed(&server).await["clients"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_names_no_token_is_refused_with_all_its_faults() {
    // R50
    let (server, consumer) = scene().await;
    let (admin, client_id) = (server.admin(), consumer.consumer.client_id.as_str());
    let stranger = TestServer::start().await;
    stranger.register_provider(|_| {}).await;
    let other = stranger.register(crate::support::test_server::consumer()).await;
    let foreign = token(&stranger, &other).await;
    let jti = "6f1c9f0e-2d3b-4c5a-8e7f-0a1b2c3d4e5f";
    for (body, faults) in [
        (json!({}), vec!["/client_id", "/jti"]),
        (json!({ "client_id": client_id }), vec!["/jti"]),
        (json!({ "client_id": client_id, "jti": "x" }), vec!["/jti"]),
        (json!({ "token": "x" }), vec!["/token"]),
        (json!({ "token": foreign }), vec!["/token"]),
        (json!({ "token": foreign, "jti": jti }), vec!["/jti", "/token"]),
        (json!({ "client_id": "nobody", "jti": jti }), vec!["/client_id"]),
        (json!({ "client_id": client_id, "jti": jti, "all": true, "reason": 1 }), vec!["/reason", "/all"]),
    ] {
        let answer = admin.post("/revoked-tokens", &body).await;
        assert_eq!(answer.problem(422), "invalid", "{body}");
        assert_eq!(answer.faults(), faults, "{body}");
    }
    assert_eq!(admin.post("/consumers/nobody/token-revocations", &json!({})).await.problem(404), "not-found");
    assert_eq!(listed(&server).await, super::nothing());
}

#[tokio::test]
async fn the_command_line_revokes_on_a_server_that_runs() {
    let (server, consumer) = scene().await;
    let (one, two) = (token(&server, &consumer).await, token(&server, &consumer).await);
    let client_id = consumer.consumer.client_id.as_str();
    let run = |arguments: &[&str], input: &str| {
        let config = server.directory.path().join("careconnect-auth.toml");
        let mut all = vec!["--config".to_owned(), config.to_str().unwrap().to_owned(), "--json".to_owned()];
        all.extend(arguments.iter().map(ToString::to_string));
        let (directory, input) = (server.directory.path().to_owned(), input.as_bytes().to_vec());
        tokio::task::spawn_blocking(move || {
            run_with_input(&directory, &all.iter().map(String::as_str).collect::<Vec<_>>(), &input)
        })
    };
    let jti = claims(&one)["jti"].as_str().unwrap().to_owned();
    let by_id = run(&["token", "revoke", "--client-id", client_id, "--jti", &jti], "").await.unwrap().success();
    assert_eq!(by_id.json()["jti"], *jti);
    // The command line has the clock of the machine, by which the tokens of this test's server are of another time.
    let refused = run(&["token", "revoke"], &format!("{}\n", &two[1..])).await.unwrap();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("standard input: expected a token"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(two.split('.').nth(1).unwrap()));
    let unknown = run(&["consumer", "revoke-tokens", "nobody"], "").await.unwrap();
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
    let all = run(&["consumer", "revoke-tokens", client_id, "--reason", "INC-4711"], "").await.unwrap().success();
    assert_eq!((&all.json()["client_id"], &all.json()["jti"]), (&json!(client_id), &json!(null)));
    let shown = run(&["token", "revoked"], "").await.unwrap().success().json();
    assert_eq!(shown.as_array().unwrap().len(), 2, "{shown}");
    let known = server.database.handle().list_revoked_tokens().await.unwrap();
    assert_eq!(known.len(), 2);
    let records = server.admin().get("/audit?subject=revoked_token").await.json();
    assert_eq!(records["items"][0]["reason"], "INC-4711");
    assert_eq!(records["items"][0]["actor"]["via"], "command_line");
}

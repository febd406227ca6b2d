//! The server that holds its register against the directory, time and again.

use careconnect_auth::storage::AuditQuery;
use serde_json::json;
use tokio::net::TcpListener;

use super::CONSUMER;
use crate::support::{
    command::run,
    slapd::Slapd,
    soon::{soon, until},
    test_server::{TestServer, consumer},
};

fn lines(url: &str, more: &str) -> String {
    format!("directory.url = \"{url}\"\ndirectory.timeout_seconds = 20\ndirectory.check_every_seconds = 1\n{more}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_directory_contradicts_is_reported_and_by_policy_suspended() {
    let slapd = Slapd::start("").await;
    for (policy, status) in [("report", "active"), ("suspend", "suspended")] {
        let server = TestServer::with(&lines(&slapd.url(), &format!("directory.on_drift = \"{policy}\"\n"))).await;
        let mut moved = consumer();
        moved.asid = CONSUMER.parse().unwrap();
        moved.groups.clear();
        let registered = server.register(moved).await;
        server.register_provider(|_| {}).await; // which the directory does not know
        let admin = server.admin();
        until("a comparison", async || {
            let drifts = admin.get("/directory/comparison").await.json()["drifts"].clone();
            drifts.as_array().is_some_and(|drifts| drifts.len() == 2)
        })
        .await;
        let comparison = admin.get("/directory/comparison").await.json();
        assert_eq!((&comparison["systems"], &comparison["doubt"]), (&json!(2), &json!(null)));
        let drift = &comparison["drifts"][1]; // after the provider
        assert_eq!((&drift["kind"], &drift["suspended"]), (&json!("ods_code_changed"), &json!(policy == "suspend")));
        let client_id = registered.consumer.client_id.as_str();
        assert_eq!(admin.get(&format!("/consumers/{client_id}")).await.json()["status"], status);
        let query = AuditQuery { actor: Some("directory".to_owned()), ..AuditQuery::default() };
        let records = server.database.handle().search_audit(&query, 10).await.unwrap();
        assert_eq!(records.len(), if policy == "suspend" { 2 } else { 0 }, "{records:?}");
        let directory = server.directory.path().to_path_buf();
        let checked = tokio::task::spawn_blocking(move || run(&directory, &["directory", "check"])).await.unwrap();
        assert_eq!(checked.code, 1, "{checked:?}");
        let line =
            format!("ods_code_changed  consumer {client_id} (Example 111): the directory says that system {CONSUMER}");
        assert!(checked.stdout.contains(&line), "{line}: {checked:?}");
        let directory = server.directory.path().to_path_buf();
        let suspended =
            tokio::task::spawn_blocking(move || run(&directory, &["directory", "check", "--suspend", "--json"]))
                .await
                .unwrap();
        assert_eq!(suspended.json()["drifts"][0]["suspended"], true, "{suspended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_silent_delays_no_token() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = TestServer::with(&lines(&format!("ldap://{}", silent.local_addr().unwrap()), "")).await;
    let registered = server.register(consumer()).await;
    server.register_provider(|_| {}).await;
    let (asked, _) = soon("a question", silent.accept()).await.unwrap(); // and nothing is said
    for _ in 0..20 {
        server.token_by_secret(&registered).send().await.token();
    }
    assert_eq!(server.get("/health/ready").await.status, 200);
    assert!(server.running.app.compared.load().as_ref().is_none_or(|compared| compared.systems == 0));
    drop(asked);
}

//! What problems must not say, and what callers must not write into the log.

use reqwest::Method;
use serde_json::{Value, json};

use super::registering::{registered, registration, with_headers};
use crate::support::{log::Log, test_server::TestServer};

#[tokio::test]
async fn without_its_database_the_api_says_so_and_nothing_of_what_is_inside() {
    // R55
    let server = TestServer::with("database.acquire_timeout_seconds = 1\n").await;
    let admin = server.admin();
    let (path, _) = registered(&admin, &[]).await;
    server.database.take_away().await;
    let directory = server.directory.path().display().to_string();
    let inside =
        ["test.db", "sqlite", "postgres", "sqlx", "select ", "insert ", "relation", "src/", "panicked", &directory];
    let any = [("if-match", "*")];
    let (renaming, registration) = (json!({ "name": "Second" }), registration(&[]));
    let answers = tokio::join!(
        admin.get(&path),
        admin.get("/audit"),
        admin.get("/assurances/supplier/SUP1"),
        admin.post("/consumers", &registration),
        with_headers(&admin, Method::PATCH, &path, &any, &renaming),
    );
    for answer in [answers.0, answers.1, answers.2, answers.3, answers.4] {
        assert_eq!((answer.problem(503), answer.header("retry-after")), ("unavailable".to_owned(), "5"));
        let text = answer.text().to_lowercase();
        assert!(inside.iter().all(|hidden| !text.contains(hidden)), "{text}");
    }
    server.database.give_back().await;
}

#[tokio::test]
async fn no_line_of_the_log_is_a_callers() {
    // R55
    let (log, server) = (Log::capture(), TestServer::start().await);
    let admin = server.admin();
    let forged = "x\r\n{\"fields\":{\"event\":\"forged\"}}";
    let encoded = "x%0D%0A%7B%22fields%22:%7B%22event%22:%22forged%22%7D%7D";
    let mut body = registration(&[]);
    (body["name"], body["reason"], body["asid"]) = (forged.into(), forged.into(), forged.into());
    body[forged] = 1.into();
    admin.post("/consumers", &body).await.problem(422);
    let change = json!({ "name": forged });
    for path in [format!("/consumers/{encoded}"), format!("/assurances/supplier/{encoded}"), format!("/{encoded}")] {
        with_headers(&admin, Method::PATCH, &path, &[("if-match", "*")], &change).await.problem(404);
    }
    let text = log.text();
    assert!(text.contains("admin_change_refused"), "{text}");
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_ne!(event["fields"]["event"], "forged");
    }
}

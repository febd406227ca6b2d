//! What tests of resources have in common: bodies to submit, and a look into the audit.

use careconnect_verifier::Group;
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{
    admin::Admin,
    requests::Answer,
    test_server::{ROOT, TestServer},
};

/// A consumer with a secret that is assured for `groups`.
pub(super) fn registration(groups: &[Group]) -> Value {
    let mut body = json!({
        "name": "Example 111", "asid": "200000000205", "ods_code": "a1001", "organisation_type": "urgent-care",
        "supplier_ods_code": "SUP1", "product": "Pathways", "party_key": "A1001-850001", "with_secret": true,
    });
    if !groups.is_empty() {
        body["groups"] = json!(groups);
        body["evidence"] = "CSR-7".into();
        body["reason"] = "go-live".into();
    }
    body
}

/// The path of a new consumer, and its secret.
pub(super) async fn registered(admin: &Admin, groups: &[Group]) -> (String, String) {
    let answer = admin.post("/consumers", &registration(groups)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let body = answer.json();
    let client_id = body["consumer"]["client_id"].as_str().unwrap();
    (format!("/consumers/{client_id}"), body["client_secret"].as_str().unwrap_or_default().to_owned())
}

/// A change that is sent with further headers, or with none.
pub(super) async fn with_headers(
    admin: &Admin,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &Value,
) -> Answer {
    let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let build = |request: reqwest::RequestBuilder| {
        let request = request.header(header::CONTENT_TYPE, media).body(body.to_string());
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    admin.send(method, path, build).await
}

/// Gives an assurance that there is none of yet.
pub(super) async fn give(admin: &Admin, path: &str, body: &Value) -> Answer {
    with_headers(admin, Method::PUT, path, &[("if-none-match", "*")], body).await
}

/// A patch of whatever there is.
pub(super) async fn patch(admin: &Admin, path: &str, body: &Value) -> Answer {
    admin.patch(path, "*", body).await
}

/// What the audit has: who, what, of which, with which outcome.
pub(super) async fn audit(server: &TestServer) -> Vec<[String; 4]> {
    let records = server.database.handle().read_audit(0, 1_000).await.unwrap();
    let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    records
        .iter()
        .map(|record| {
            let record: Value = serde_json::from_str(&record.record).unwrap();
            let actor = record["actor"]["name"].as_str().unwrap().to_owned();
            [actor, text(&record, "action"), text(&record, "identifier"), text(&record, "outcome")]
        })
        .collect()
}

/// The actions in the audit, in their order.
pub(super) async fn actions(server: &TestServer) -> Vec<String> {
    audit(server).await.into_iter().map(|[_, action, ..]| action).collect()
}

/// Asks for a token with a secret: the status.
pub(super) async fn token_status(server: &TestServer, path: &str, secret: &str) -> u16 {
    let client_id = path.rsplit_once('/').unwrap().1;
    server.token().basic(client_id, secret).field("resource", ROOT).send().await.status.as_u16()
}

/// The items of a list.
pub(super) fn items(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().clone()
}

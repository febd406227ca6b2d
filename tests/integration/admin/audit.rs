//! The audit of changes, as administrators read it.

use careconnect_auth::domain::Role;
use serde_json::{Value, json};

use crate::support::test_server::{TestServer, consumer};

fn of(page: &Value, member: &str) -> Vec<Value> {
    page["items"].as_array().unwrap().iter().map(|record| record[member].clone()).collect()
}

async fn changed() -> TestServer {
    let server = TestServer::start().await;
    let editor = server.admin_as(Role::Editor);
    for number in 1..=5 {
        let new = json!({ "code": format!("type-{number}"), "display": format!("Type {number}"), "reason": format!("R{number}") });
        assert_eq!(editor.post("/organisation-types", &new).await.status, 201);
        server.clock.advance(60);
    }
    let renamed = server.admin().patch("/organisation-types/type-3", "*", &json!({ "display": "Third" })).await;
    assert_eq!(renamed.status, 200);
    server.admin_as(Role::Viewer).post("/organisation-types", &json!({})).await.problem(403);
    server
}

#[tokio::test]
async fn records_are_found_by_who_did_what_to_what_and_when_the_newest_first() {
    // R51
    let server = changed().await;
    let admin = server.admin_as(Role::Viewer);
    let found = async |query: &str| json!(of(&admin.get(&format!("/audit?{query}")).await.json(), "sequence"));
    assert_eq!(found("").await, json!([7, 6, 5, 4, 3, 2, 1]));
    assert_eq!(found("actor=Ed%20Editor").await, json!([5, 4, 3, 2, 1]));
    assert_eq!(found("action=organisation_type.changed").await, json!([6]));
    assert_eq!(found("action=organisation_type&outcome=done").await, json!([6, 5, 4, 3, 2, 1]));
    assert_eq!(found("subject=organisation_type&identifier=type-3").await, json!([6, 3]));
    assert_eq!(found("outcome=refused").await, json!([7]));
    assert_eq!(found("actor=nobody").await, json!([]));
    let times = of(&admin.get("/audit").await.json(), "time");
    let (second, fourth) = (times[5].as_str().unwrap(), times[3].as_str().unwrap());
    assert_eq!(found(&format!("from={second}&until={fourth}")).await, json!([3, 2]));
    let (mut seen, mut query) = (Vec::new(), "limit=3".to_owned());
    loop {
        let page = admin.get(&format!("/audit?{query}")).await.json();
        seen.extend(of(&page, "sequence"));
        let Some(cursor) = page["next"].as_str() else { break };
        query = format!("limit=3&cursor={cursor}");
    }
    assert_eq!(json!(seen), json!([7, 6, 5, 4, 3, 2, 1]));
    for query in ["outcome=maybe", "from=yesterday", "until=2027-01-15", "limit=201", "cursor=eA", "who=me"] {
        assert_eq!(admin.get(&format!("/audit?{query}")).await.problem(400), "malformed");
    }
}

#[tokio::test]
async fn one_record_and_the_end_of_the_chain_can_be_read() {
    let server = changed().await;
    let admin = server.admin();
    let record = admin.get("/audit/6").await;
    let value = record.json();
    assert_eq!((&value["before"]["display"], &value["after"]["display"]), (&"Type 3".into(), &"Third".into()));
    assert_eq!(value["trace_id"].as_str().unwrap().len(), 36);
    let again = |request: reqwest::RequestBuilder| request.header("if-none-match", record.header("etag"));
    assert_eq!(admin.send(reqwest::Method::GET, "/audit/6", again).await.status, 304);
    for path in ["/audit/0", "/audit/8", "/audit/-1", "/audit/x", "/audit/99999999999999999999"] {
        assert_eq!(admin.get(path).await.problem(404), "not-found");
    }
    let head = admin.get("/audit/head").await.json();
    let last = admin.get("/audit/7").await.json();
    assert_eq!((&head["sequence"], &head["hash"]), (&7.into(), &last["hash"]));
    assert_eq!(head["checkpoint"], Value::Null);
    let refused = last["refusal"].as_str().unwrap();
    assert!(refused.starts_with("403") && last["actor"]["name"] == "Vera Viewer", "{last}");
}

#[tokio::test]
async fn no_secret_is_in_the_audit() {
    // R16, R55
    let server = TestServer::start().await;
    let registered = server.register(consumer()).await;
    let secret = registered.secret.as_ref().unwrap().expose().to_owned();
    let admin = server.admin();
    let misplaced = json!({ "code": secret, "display": secret, "reason": secret, secret.clone(): 1 });
    admin.post("/organisation-types", &misplaced).await.problem(422);
    admin.get(&format!("/organisation-types/{secret}")).await.problem(404);
    let all = admin.get("/audit?limit=200").await;
    assert!(of(&all.json(), "outcome").contains(&"refused".into()));
    for hidden in [secret.as_str(), "argon2"] {
        assert!(!all.text().contains(hidden), "{}", all.text());
    }
}

#[tokio::test]
async fn what_is_assured_of_somebody_is_found_by_their_code() {
    let server = TestServer::start().await;
    server.register(consumer()).await;
    let admin = server.admin_as(Role::Viewer);
    let found = async |identifier: &str| {
        of(&admin.get(&format!("/audit?limit=200&identifier={identifier}")).await.json(), "identifier")
    };
    let of_supplier = found("SUP1").await;
    assert!(!of_supplier.is_empty());
    assert!(of_supplier.iter().all(|identifier| identifier.as_str().unwrap().starts_with("supplier SUP1 for urn:")));
    assert_eq!(found("supplier%20SUP1").await, of_supplier);
    for other in ["SUP", "UP1", "supplier", "sup1", "%25", "_UP1"] {
        assert_eq!(found(other).await, Vec::<Value>::new(), "{other}");
    }
}

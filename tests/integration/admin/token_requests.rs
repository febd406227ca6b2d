//! The issuance record, as administrators search it.

use careconnect_auth::domain::Role;
use serde_json::{Value, json};

use crate::support::answers::answered;

#[tokio::test]
async fn token_requests_are_found_by_who_asked_and_what_was_answered() {
    let (server, registered, [issued, unknown, nobody]) = answered().await;
    let admin = server.admin_as(Role::Viewer);
    let found = async |query: &str| {
        let page = admin.get(&format!("/token-requests?{query}")).await.json();
        page["items"].as_array().unwrap().iter().map(|entry| entry["trace_id"].clone()).collect::<Vec<_>>()
    };
    let client_id = registered.consumer.client_id.as_str();
    assert_eq!(found("").await, [&*nobody, &*unknown, &*issued]);
    assert_eq!(found(&format!("client_id={client_id}")).await, [&*unknown, &*issued]);
    assert_eq!(found("outcome=refused&reason=scope_unknown").await, [&*unknown]);
    assert_eq!(found("reason=consumer_unknown").await, [&*nobody]);
    for query in ["asid=200000000205", "ods_code=a1001", "outcome=issued", &format!("trace_id={issued}")] {
        assert_eq!(found(query).await, [&*issued], "{query}");
    }
    assert_eq!(found("from=2099-01-01T00:00:00Z").await, [Value::Null; 0]);
    let (mut seen, mut query) = (Vec::new(), "limit=1".to_owned());
    loop {
        let page = admin.get(&format!("/token-requests?{query}")).await.json();
        seen.push(page["items"][0]["trace_id"].clone());
        let Some(cursor) = page["next"].as_str() else { break };
        query = format!("limit=1&cursor={cursor}");
    }
    assert_eq!(seen, [&*nobody, &*unknown, &*issued], "all in one second");

    let one = admin.get(&format!("/token-requests/{issued}")).await.json();
    assert_eq!((&one["outcome"], &one["client_id"]), (&json!("issued"), &json!(client_id)));
    let token_id = one["token_id"].as_str().unwrap();
    assert_eq!(found(&format!("token_id={token_id}")).await, [&*issued]);
    for path in ["/token-requests/x", &format!("/token-requests/{token_id}")] {
        assert_eq!(admin.get(path).await.problem(404), "not-found");
    }
    for query in ["trace_id=x", "outcome=maybe", "until=now", "cursor=eA", "secret=x"] {
        assert_eq!(admin.get(&format!("/token-requests?{query}")).await.problem(400), "malformed");
    }
}

//! Two nodes on one database.

use super::{INTROSPECT, REVOKE, about, is_active, scene, token};
use crate::support::{soon::until, test_server::TestServer};

#[tokio::test]
async fn a_token_that_is_taken_back_on_one_node_counts_on_no_other_and_a_restarted_one_knows_it() {
    // R48
    let (server, consumer) = scene().await;
    let other = server.another_node().await;
    let port = other.address.port();
    let token = token(&server, &consumer).await;
    let counts_there = async |server: &TestServer, port| {
        about(server, &consumer, &token).to(INTROSPECT).through(port).send().await.json()["active"] == true
    };
    assert!(counts_there(&server, port).await);
    let revoked = about(&server, &consumer, &token).to(REVOKE).send().await;
    assert_eq!(revoked.status, 200);
    assert!(!is_active(&server, &consumer, &token).await, "at once here");
    until("the revocation", async || !counts_there(&server, port).await).await;
    other.stop().await;
    let restarted = server.another_node().await;
    assert!(!counts_there(&server, restarted.address.port()).await);
    restarted.stop().await;
}

#[tokio::test]
async fn a_consumer_that_is_suspended_on_one_node_is_named_by_the_list_of_the_other() {
    let (server, consumer) = scene().await;
    let other = server.another_node().await;
    let list = server.url(&format!("{}{}", server.issuer_path(), super::LIST));
    let list = list.replace(&server.running.address.port().to_string(), &other.address.port().to_string());
    let path = format!("/consumers/{}", consumer.consumer.client_id);
    let suspended = server.admin().patch(&path, "*", &serde_json::json!({ "status": "suspended" })).await;
    assert_eq!(suspended.status, 200, "{}", suspended.text());
    until("the suspension", async || {
        let jws = server.client().get(&list).send().await.unwrap().text().await.unwrap();
        super::claims(&jws)["clients"] == serde_json::json!([{ "client_id": consumer.consumer.client_id }])
    })
    .await;
    other.stop().await;
}

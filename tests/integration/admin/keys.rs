//! The signing keys, as administrators see them.

use careconnect_auth::domain::Role;
use serde_json::Value;

use crate::support::test_server::TestServer;

#[tokio::test]
async fn administrators_see_which_keys_sign_and_nothing_private() {
    // R43
    let server = TestServer::start().await;
    let answer = server.admin_as(Role::Viewer).get("/keys").await;
    let items = answer.json()["items"].as_array().unwrap().clone();
    let published: Value = serde_json::from_str(server.running.app.keys.key_set().json()).unwrap();
    let shown: Vec<&Value> = items.iter().map(|key| &key["jwk"]).collect();
    assert_eq!(shown, published["keys"].as_array().unwrap().iter().collect::<Vec<_>>());
    assert!(
        items
            .iter()
            .all(|key| key["state"] == "active" && key["signs_here"] == true && key["kid"] == key["jwk"]["kid"])
    );
    let algorithms = server.running.app.keys.algorithms();
    assert_eq!(items.len(), algorithms.len());
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"k\"", "PRIVATE"] {
        assert!(!answer.text().contains(private), "{private}");
    }
    assert_eq!(server.admin().get("/keys?limit=1").await.problem(400), "malformed");
}

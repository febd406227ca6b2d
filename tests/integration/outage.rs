//! The database goes away and comes back while tokens are requested.

use std::time::Duration;

use crate::support::test_server::{TestServer, consumer};

async fn readiness(server: &TestServer) -> String {
    server.get("/health/ready").await.json()["status"].as_str().unwrap().to_owned()
}

async fn until_it_is(server: &TestServer, wanted: &str) {
    let wait = async {
        while readiness(server).await != wanted {
            server.clock.advance(1); // time goes on for the server while the test waits
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), wait).await.unwrap_or_else(|_| panic!("never {wanted}"));
}

#[tokio::test]
async fn tokens_go_on_without_the_database_and_all_is_well_when_it_is_back() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    assert_eq!(readiness(&server).await, "ready");

    server.database.take_away().await;
    until_it_is(&server, "degraded").await;
    for _ in 0..20 {
        server.token_by_secret(&registered).send().await.token();
    }

    server.database.give_back().await;
    until_it_is(&server, "ready").await;
    let late = server.register(consumer()).await;
    server.token_by_secret(&late).send().await.token();
}

#[tokio::test]
async fn tokens_end_when_the_register_has_not_been_seen_for_too_long() {
    let server = TestServer::with("registry.max_staleness_seconds = 60\n").await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    server.database.take_away().await;
    until_it_is(&server, "degraded").await;

    server.clock.advance(61);

    let answer = server.token_by_secret(&registered).send().await;
    assert_eq!(answer.refused(503), ("temporarily_unavailable".into(), "registry_stale".into()));
    assert_eq!(server.get("/health/ready").await.status, 503);
    server.database.give_back().await;
    until_it_is(&server, "ready").await;
    server.token_by_secret(&registered).send().await.token();
}

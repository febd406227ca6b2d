//! The database goes away and comes back while tokens are requested.

mod under_load;

use std::time::Duration;

use crate::support::{
    soon::until,
    test_server::{TestServer, consumer},
};

async fn readiness(server: &TestServer) -> String {
    server.get("/health/ready").await.json()["status"].as_str().unwrap().to_owned()
}

async fn until_degraded(server: &TestServer) {
    until("degraded", async || {
        // Time goes on for the server while the test waits, slowly enough that a register that is looked after stays young.
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.clock.advance(1);
        readiness(server).await == "degraded"
    })
    .await;
}

async fn until_ready(server: &TestServer) {
    until("ready", async || readiness(server).await == "ready").await;
}

#[tokio::test]
async fn tokens_go_on_without_the_database_and_all_is_well_when_it_is_back() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    assert_eq!(readiness(&server).await, "ready");

    server.database.take_away().await;
    until_degraded(&server).await;
    for _ in 0..20 {
        server.token_by_secret(&registered).send().await.token();
    }

    server.database.give_back().await;
    until_ready(&server).await;
    let late = server.register(consumer()).await;
    server.token_by_secret(&late).send().await.token();
}

#[tokio::test]
async fn tokens_end_when_the_register_has_not_been_seen_for_too_long() {
    let server = TestServer::with("registry.max_staleness_seconds = 60\n").await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    server.database.take_away().await;
    until_degraded(&server).await;

    server.clock.advance(61);

    let answer = server.token_by_secret(&registered).send().await;
    assert_eq!(answer.refused(503), ("temporarily_unavailable".into(), "registry_stale".into()));
    assert_eq!(server.get("/health/ready").await.status, 503);
    server.database.give_back().await;
    until_ready(&server).await;
    server.token_by_secret(&registered).send().await.token();
}

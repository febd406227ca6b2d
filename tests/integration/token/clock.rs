//! The machine's clock is set while the server runs.

use serde_json::json;

use super::by_assertion::Scene;
use crate::support::{command::run, soon::until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)] // the command asks the server
async fn a_clock_that_is_set_back_revives_no_assertion_and_the_server_says_what_happened() {
    // R20, R21
    let scene = Scene::new().await;
    let (used, unused) = (scene.signed(json!({}), json!({})), scene.signed(json!({}), json!({})));
    scene.call(&used).send().await.token();
    scene.server.clock.advance(400);
    let jump = async || scene.server.get("/health/ready").await.json()["clock_jump"]["seconds"].as_i64();
    until("the jump is noticed", async || jump().await.is_some_and(|seconds| seconds > 300)).await;
    let reason = async |assertion: &str| scene.call(assertion).send().await.refused(401).1;
    assert_eq!((reason(&used).await, reason(&unused).await), ("assertion_expired".into(), "assertion_expired".into()));

    scene.server.clock.advance(-400);

    assert_eq!((reason(&used).await, reason(&unused).await), ("assertion_expired".into(), "assertion_expired".into()));
    until("the jump back is noticed", async || jump().await.is_some_and(|seconds| seconds < -300)).await;
    let behind = scene.server.get("/health/ready").await.json()["clock_behind_seconds"].as_i64().unwrap();
    assert!(behind >= 400, "{behind}");
    let findings = run(scene.server.directory.path(), &["doctor", "--json"]).json();
    let mut of_clock = findings.as_array().unwrap().iter().filter(|finding| finding["check"] == "clock");
    let sentence = |finding: &serde_json::Value| finding["detail"].as_str().unwrap().contains("behind the time");
    assert!(of_clock.any(sentence), "{findings}");

    let now = scene.server.running.app.clock.now().0;
    let fresh = scene.signed(json!({}), json!({ "exp": now + 300 }));
    scene.call(&fresh).send().await.token();
}

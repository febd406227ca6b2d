//! A server that is killed while it answers.

use std::sync::{Arc, Mutex};

use careconnect_auth::record::find;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{
    command::run,
    process::{Scene, Serve},
    soon::until,
    test_server::ROOT,
};

/// What was answered: the number of each request that got a token.
type Answered = Arc<Mutex<Vec<Uuid>>>;

/// Asks for tokens until the server is gone.
async fn ask(client: reqwest::Client, url: String, id: String, secret: String, answered: Answered) {
    let form = [("grant_type", "client_credentials"), ("resource", ROOT)];
    while let Ok(answer) = client.post(&url).basic_auth(&id, Some(&secret)).form(&form).send().await {
        let trace_id = answer.headers()["x-trace-id"].to_str().unwrap().parse().unwrap();
        let Ok(token) = answer.json::<Value>().await else { return };
        assert!(token["access_token"].is_string(), "{token}");
        answered.lock().unwrap().push(trace_id);
    }
}

#[tokio::test]
async fn every_token_that_was_answered_is_in_the_record_of_a_server_that_was_killed() {
    // R56
    let scene = Scene::migrated().await;
    let provider = ["provider", "register", "--asid", "200000000359", "--ods-code", "A20047", "--name", "Practice"];
    run(scene.path(), &[&provider[..], &["--service-root", ROOT]].concat()).success();
    let consumer = ["consumer", "register", "--name", "Example 111", "--asid", "200000000205", "--ods-code", "A1001"];
    let assured = ["--supplier", "A1001", "--evidence", "a test", "--reason", "a test", "--group", "read:slot"];
    let more = ["--organisation-type", "urgent-care", "--secret", "--json"];
    let registered = run(scene.path(), &[&consumer[..], &assured, &more].concat()).success().json();
    let text = |name: &str| registered[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let url = format!("https://localhost:{}/careconnect/oauth2/token", scene.public);

    let answered = Answered::default();
    for killed_after in [1, 23, 70] {
        let served = Serve::start(scene.path());
        let begun = answered.lock().unwrap().len();
        let asking: Vec<_> = (0..8)
            .map(|_| tokio::spawn(ask(scene.client(), url.clone(), id.clone(), secret.clone(), answered.clone())))
            .collect();
        until("answers", async || answered.lock().unwrap().len() >= begun + killed_after).await;
        served.kill();
        for asking in asking {
            asking.await.unwrap();
        }
    }
    Serve::start(scene.path()).stops_when_told();

    let verified = run(scene.path(), &["audit", "verify", "--json"]).success().json();
    let streams = verified["tokens"]["streams"].as_array().unwrap();
    assert_eq!((streams.len(), &streams[0]["lines_after_checkpoint"]), (1, &0.into()), "{verified}");
    for trace_id in answered.lock().unwrap().iter() {
        assert!(find(&scene.path().join("records"), *trace_id).unwrap().is_some(), "{trace_id}");
    }
}

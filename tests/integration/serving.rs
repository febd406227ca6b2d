//! `migrate`, `serve` and `SIGTERM`: the binary as operators run it.

use std::{net::TcpListener, os::unix::fs::OpenOptionsExt, process::Command};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    command::run,
    process::{Scene, Serve},
    soon::{soon, until},
    tls_client,
};

/// `O_NONBLOCK`: a pipe that nobody reads cannot be opened for writing.
const NON_BLOCKING: i32 = 0o4000;

#[tokio::test]
async fn a_database_without_a_schema_is_not_served_until_it_is_migrated() {
    let scene = Scene::set().await;
    let refused = run(scene.path(), &["serve"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("careconnect-auth migrate"), "{refused:?}");

    run(scene.path(), &["migrate"]).success();
    let again = run(scene.path(), &["migrate", "--json"]).success();
    assert_eq!(again.json()["applied"], serde_json::json!([]));

    let _served = Serve::start(scene.path());
    let url = format!("https://localhost:{}/health/ready", scene.public);
    assert_eq!(scene.client().get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn metrics_are_served_on_a_port_of_their_own() {
    let scene = Scene::migrated().await;
    let _served = Serve::start(scene.path());
    let public = format!("https://localhost:{}", scene.public);
    let token = format!("{public}/careconnect/oauth2/token");
    scene.client().post(token).form(&[("grant_type", "client_credentials")]).send().await.unwrap();
    assert_eq!(scene.client().get(format!("{public}/metrics")).send().await.unwrap().status(), 404);

    let metrics = format!("http://127.0.0.1:{}/metrics", scene.metrics);
    let expected = [
        r#"careconnect_tokens_refused_total{reason="audience_missing"} 1"#,
        "careconnect_registry_age_seconds ",
        r#"careconnect_registry_entries{kind="consumers"} 0"#,
        "careconnect_tls_certificate_expiry_timestamp_seconds{listener=\"public\"} ",
    ];
    until("every line; ages are written once a second", async || {
        let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        expected.iter().all(|line| text.contains(line))
    })
    .await;
}

#[tokio::test]
async fn the_order_to_stop_is_obeyed_and_said() {
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    served.stops_when_told();
}

#[tokio::test]
async fn an_order_to_stop_that_comes_before_anything_is_served_is_obeyed_too() {
    let scene = Scene::set().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
    std::fs::write(scene.path().join("database-url"), url).unwrap();
    let mut starting = Serve::spawn(scene.path());
    let _never_answered = silent.accept().unwrap();
    starting.stops_when_told();
}

#[tokio::test]
async fn a_reader_of_the_log_that_is_stuck_or_gone_stops_nobody() {
    const MORE_THAN_A_PIPE_HOLDS: usize = 1000;
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    let (client, url) = (scene.client(), format!("https://localhost:{}/careconnect/oauth2/token", scene.public));
    let refused = async || client.post(&url).form(&[("grant_type", "password")]).send().await.unwrap().status();
    for _ in 0..MORE_THAN_A_PIPE_HOLDS {
        assert_eq!(soon("an answer", refused()).await, 400);
    }

    served.hang_up();
    assert_eq!(soon("an answer", refused()).await, 400);
    served.signal("TERM");
    served.ends_well();
}

#[tokio::test]
async fn an_order_to_stop_is_heard_while_the_server_waits_for_a_file() {
    let scene = Scene::migrated().await;
    let keys = scene.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    let held = std::fs::File::open(&keys).unwrap();
    held.lock().unwrap();
    let mut starting = Serve::spawn(scene.path());
    starting.read_until("the register is loaded");
    starting.stops_when_told();
}

#[tokio::test]
async fn an_order_to_stop_is_obeyed_while_a_certificate_cannot_be_read() {
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    let certificate = scene.path().join("server.pem");
    std::fs::remove_file(&certificate).unwrap();
    assert!(Command::new("mkfifo").arg(&certificate).status().unwrap().success());
    served.signal("HUP");
    let reading = until("the certificate is opened", async || {
        let writer = std::fs::OpenOptions::new().write(true).custom_flags(NON_BLOCKING).open(&certificate);
        writer.is_ok_and(|writer| Box::leak(Box::new(writer)).metadata().is_ok())
    });
    reading.await;
    served.stops_when_told();
}

#[tokio::test]
async fn a_second_order_cuts_the_requests_in_flight() {
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    let address = ([127, 0, 0, 1], scene.public).into();
    let mut stream = tls_client::connect(address, tls_client::config(&scene.authority, None)).await.unwrap();
    let head = b"POST /careconnect/oauth2/token HTTP/1.1\r\nhost: localhost\r\n\
        content-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let _continue = soon("the server waits for the body", stream.read(&mut [0; 64])).await.unwrap();
    served.signal("TERM");
    served.read_until("stopping");
    served.signal("TERM");
    served.read_until("stopped at once");
    served.ends_well();
}

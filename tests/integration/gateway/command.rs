//! `careconnect-auth gateway`: its file, its outages, its end.

use std::process::Stdio;

use careconnect_auth::{
    config::{ForwardedFormat, GatewayConfig},
    gateway::RunningGateway,
};
use careconnect_verifier::Group;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use super::{BASE, Stage};
use crate::support::{
    command::{command, run},
    process::Running,
    shell_blocks::blocks,
    soon::{soon, until},
};

#[test]
fn a_file_that_is_wrong_is_told_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("careconnect-gateway.toml");
    let head = "issuer = \"https://auth.example.nhs.uk\"\nservice_root = \"https://provider.example.nhs.uk/STU3\"\n";
    for (lines, told) in [
        ("", "expected a section [reverse_proxy] or [forward_auth]"),
        ("serach_filter = \"replace\"", "unknown field `serach_filter`"),
        ("search_filter = \"repalce\"", "expected one of ignore, report, refuse, replace, received \"repalce\""),
        ("response_profile = \"fhir\"", "rfc6750, uec, nhs-booking, gpconnect, spine or bars"),
        ("interactions = \"GET /Slot\"", "line 1 of the interactions"),
        ("asids = [\"12\"]", "12 decimal digits"),
        ("ssp.to = \"always\"", "expected one of required, when-sent, reported, off"),
        (
            "[reverse_proxy]\nlisten = \"0.0.0.0:1\"\nbackend = \"http://x\"",
            "dangerously_allow_plain_http_beyond_loopback",
        ),
        ("[forward_auth]\nlisten = \"0.0.0.0:1\"\nproxy = \"nginx\"", "dangerously_allow_beyond_loopback"),
        ("[forward_auth]\nlisten = \"127.0.0.1:1\"\nproxy = \"caddy\"", "unknown variant `caddy`"),
    ] {
        std::fs::write(&file, format!("{head}{lines}\n")).unwrap();
        let refused = run(directory.path(), &["gateway", "--check"]);
        assert_eq!(refused.code, 2, "{lines}");
        assert!(
            refused.stderr.contains("careconnect-gateway.toml") && refused.stderr.contains(told),
            "{}",
            refused.stderr
        );
    }
    std::fs::remove_file(&file).unwrap();
    assert!(run(directory.path(), &["gateway"]).stderr.contains("careconnect-gateway.toml: cannot be read"));
}

#[tokio::test]
async fn the_issuer_may_be_away_for_as_long_as_the_budget_lasts_and_a_restart_changes_nothing() {
    let stage = Stage::set().await;
    let backend = &stage.backend;
    let budget = "keys.snapshot_file = \"keys.json\"\nkeys.serve_stale_for_seconds = 1000";
    let sections = format!(
        "{budget}\n[reverse_proxy]\nlisten = \"127.0.0.1:0\"\nbackend = \"{backend}\"\n[status]\nlisten = \"127.0.0.1:0\""
    );
    let gateway = stage.gateway(&sections).await;
    let token = stage.token(&[Group::READ_SLOT]).await;
    let status = |url: String| {
        let request = Client::builder().no_proxy().build().unwrap().get(url).bearer_auth(&token);
        async { soon("an answer of the gateway", request.send()).await.unwrap() }
    };
    let slots = |gateway: &RunningGateway| format!("http://{}{BASE}/Slot", gateway.reverse_proxy.unwrap());
    assert_eq!(status(slots(&gateway)).await.status(), StatusCode::OK);
    until("the keys are on the disk", async || stage.directory.path().join("keys.json").exists()).await;

    let Stage { server, directory, _python, .. } = stage;
    let (clock, file) = (server.clock.clone(), directory.path().join("careconnect-gateway.toml"));
    server.running.stop().await;
    assert_eq!(status(slots(&gateway)).await.status(), StatusCode::OK);
    gateway.stop().await;
    let config = GatewayConfig::load(&file).unwrap();
    let again = RunningGateway::start(&config, clock.clone()).await.unwrap();
    assert_eq!(status(slots(&again)).await.status(), StatusCode::OK, "from the snapshot");
    let health: Value = status(format!("http://{}/health/ready", again.status.unwrap())).await.json().await.unwrap();
    assert_eq!((&health["status"], &health["keys"]["from_snapshot"]), (&"degraded".into(), &true.into()), "{health}");
    again.stop().await;
    clock.advance(1000);
    let too_late = RunningGateway::start(&config, clock).await.unwrap();
    assert_eq!(status(slots(&too_late)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let unready = status(format!("http://{}/health/ready", too_late.status.unwrap())).await;
    assert_eq!(unready.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_command_guards_until_it_is_told_to_stop() {
    let stage = Stage::set().await;
    let backend = &stage.backend;
    stage.file(&format!("[reverse_proxy]\nlisten = \"127.0.0.1:0\"\nbackend = \"{backend}\""));
    let child = command(stage.directory.path(), &["gateway"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut log = std::io::BufReader::new(running.0.stderr.take().unwrap());
    read_until(&mut log, "guarding");
    let told = std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    read_until(&mut log, "stopped");
    assert!(running.0.wait().unwrap().success());
}

fn read_until(log: &mut impl std::io::BufRead, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        assert!(log.read_line(&mut read).unwrap() > 0, "the log ends without {text:?}: {read}");
    }
    read
}

#[test]
fn the_guides_files_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("careconnect-gateway.toml");
    let head = "issuer = \"https://auth.example.nhs.uk\"\nservice_root = \"https://provider.example.nhs.uk/STU3\"\n";
    let section = "[forward_auth]\nlisten = \"127.0.0.1:0\"\nproxy = \"envoy\"\n";
    let guide = include_str!("../../../docs/gateway.md");
    let examples = blocks(guide, "toml");
    assert_eq!(examples.len(), 4);
    for example in examples {
        let before = if example.contains("issuer =") { "" } else { head };
        let behind = if example.contains("listen =") { "" } else { section };
        std::fs::write(&file, format!("{before}{example}\n{behind}")).unwrap();
        GatewayConfig::load(&file).unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
}

#[test]
fn the_guide_knows_every_key() {
    let guide = include_str!("../../../docs/gateway.md");
    let source = include_str!("../../../src/config/gateway.rs");
    let fields = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": ").filter(|(name, _)| !name.contains(' ')))
        .map(|(name, _)| name);
    let missing: Vec<_> = fields.filter(|name| !guide.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn nginx_is_told_to_overwrite_the_very_header_that_is_believed() {
    // R38
    let guide = include_str!("../../../docs/gateway.md").to_lowercase();
    let line = format!("proxy_set_header {} $ssl_client_escaped_cert;", ForwardedFormat::Nginx.certificate_header());
    assert!(guide.contains(&line), "{line}");
}

#[test]
fn what_keeps_a_gateway_from_starting_is_told_by_its_check() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("careconnect-gateway.toml");
    let head = "issuer = \"https://auth.example.nhs.uk\"\nservice_root = \"https://provider.example.nhs.uk/STU3\"\n";
    let proxy = "[reverse_proxy]\nlisten = \"127.0.0.1:0\"\nbackend = ";
    for (lines, told) in [
        (
            format!("keys.certificate_authority_file = \"no.pem\"\n{proxy}\"http://127.0.0.1:1\""),
            "no.pem cannot be read",
        ),
        (format!("algorithms = []\n{proxy}\"http://127.0.0.1:1\""), "at least one algorithm"),
        (
            format!("interactions = \"\"\n{proxy}\"http://127.0.0.1:1\""),
            "a table of interactions with at least one line",
        ),
        (format!("base_path = \"A20047/\"\n{proxy}\"http://127.0.0.1:1\""), "a base path such as"),
        (format!("{proxy}\"http://127.0.0.1:1/path\""), "a host and a port alone"),
    ] {
        std::fs::write(&file, format!("{head}{lines}\n")).unwrap();
        let refused = run(directory.path(), &["gateway", "--check"]);
        assert_eq!(refused.code, 2, "{lines}: {refused:?}");
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    std::fs::write(&file, format!("{head}{proxy}\"http://127.0.0.1:1\"\n")).unwrap();
    assert!(run(directory.path(), &["gateway", "--check"]).success().stdout.contains("is in order"));
}

#[tokio::test]
async fn what_is_asked_about_patients_is_not_in_the_log() {
    let stage = Stage::set().await;
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("[reverse_proxy]\nlisten = \"{address}\"\nbackend = \"http://127.0.0.1:1\"");
    stage.file(&format!("interactions = \"GET /Slot open\"\n{proxy}"));
    let child = command(stage.directory.path(), &["gateway"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut log = std::io::BufReader::new(running.0.stderr.take().unwrap());
    read_until(&mut log, "guarding");
    let url = format!("http://{address}{BASE}/Slot?patient=9876543210");
    let request = Client::builder().no_proxy().build().unwrap().get(url);
    assert_eq!(soon("an answer", request.send()).await.unwrap().status(), StatusCode::BAD_GATEWAY);
    let read = read_until(&mut log, "does not answer");
    assert!(!read.contains("9876543210"), "{read}");
}

//! What was answered is written down before it leaves, and can be explained afterwards.

mod chain;
mod commands;
mod crash;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use careconnect_auth::record::{Entry, Outcome, find};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{
    changes::{Changes, SUSPENDED},
    command::run,
    log::Log,
    requests::{Answer, send},
    soon::until,
    test_server::{ROOT, TestServer, all_groups, consumer},
};

fn records(server: &TestServer) -> PathBuf {
    server.directory.path().join("records")
}

/// The files with lines, the oldest first.
fn files(server: &TestServer) -> Vec<PathBuf> {
    let files = fs::read_dir(records(server)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "jsonl")).collect();
    files.sort();
    files
}

fn the_only_file(server: &TestServer) -> PathBuf {
    let [file] = files(server).try_into().unwrap();
    file
}

/// The entries in a file, without checkpoints and marks.
fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get("trace_id").is_some()).collect()
}

fn recorded(server: &TestServer, answer: &Answer) -> Entry {
    let trace_id: Uuid = answer.header("x-trace-id").parse().unwrap();
    find(&records(server), trace_id).unwrap().unwrap_or_else(|| panic!("{trace_id} is not recorded"))
}

fn failed_check(server: &TestServer, answer: &Answer) -> (String, String, String) {
    match recorded(server, answer).outcome {
        Outcome::Refused { check: Some(failed), .. } => (failed.check, failed.expected, failed.received),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_token_leaves_while_the_record_cannot_be_written_and_it_recovers_by_itself() {
    // R56
    let log = Log::capture();
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let ask = async || server.token_by_secret(&registered).send().await;
    ask().await.token();
    let (directory, aside) = (records(&server), server.directory.path().join("aside"));
    let day = the_only_file(&server);

    let refused = async |how: &str| {
        let answer = ask().await;
        assert_eq!(answer.refused(503), ("temporarily_unavailable".into(), "record_unavailable".into()), "{how}");
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.text().contains("access_token") && !answer.text().contains("records"), "{}", answer.text());
        assert_eq!(server.get("/health/ready").await.status, 503, "{how}");
    };
    fs::rename(&directory, &aside).unwrap();
    refused("the directory is gone").await;
    fs::write(&directory, "").unwrap();
    refused("a file is in its place").await;
    fs::remove_file(&directory).unwrap();
    fs::rename(&aside, &directory).unwrap();
    ask().await.token();
    assert_eq!(server.get("/health/ready").await.status, 200);

    fs::rename(&day, &aside).unwrap();
    symlink("/dev/full", &day).unwrap();
    refused("the disk is full").await;
    let stranger = server.token().basic("nobody", "wrong").field("resource", ROOT).send().await;
    assert_eq!(stranger.status, 401, "a refusal without a line is still a refusal");
    fs::remove_file(&day).unwrap();
    fs::rename(&aside, &day).unwrap();
    let last = ask().await;
    last.token();
    assert!(matches!(recorded(&server, &last).outcome, Outcome::Issued { .. }));
    let _whole = lines(&day);
    let text = log.text();
    assert!(!text.contains("record_unavailable\"},\"message\":\"token issued"));
    assert_eq!(text.matches("\"message\":\"token issued\"").count(), 3, "{text}");
}

#[tokio::test]
async fn readiness_comes_back_without_a_request() {
    // R56
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let (directory, aside) = (records(&server), server.directory.path().join("aside"));
    fs::rename(&directory, &aside).unwrap();
    assert_eq!(server.token_by_secret(&registered).send().await.status, 503);
    fs::rename(&aside, &directory).unwrap();
    let ready = async || server.get("/health/ready").await.status == 200;
    until("the record can be written again", ready).await;
}

#[tokio::test]
async fn every_one_of_many_answers_at_the_same_time_is_recorded() {
    // R56
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    server.token_by_secret(&registered).send().await.token();
    let one = async |number: usize| {
        let call = server.token_by_secret(&registered);
        (number, if number.is_multiple_of(4) { call.field("scope", "unknown") } else { call }.send().await)
    };
    let answers = futures_util::future::join_all((0..40).map(one)).await;
    for (number, answer) in answers {
        let entry = recorded(&server, &answer);
        let expected = if number.is_multiple_of(4) { 400 } else { 200 };
        assert_eq!(answer.status, expected);
        match entry.outcome {
            Outcome::Issued { token_id, asid, groups, .. } => {
                let claims = server.verify(ROOT, &answer.token()).await;
                assert_eq!((claims.token_id(), asid.as_str()), (token_id.to_string().as_str(), "200000000205"));
                assert_eq!(groups.len(), all_groups().len());
            }
            Outcome::Refused { status, reason, .. } => assert_eq!((status, reason.as_str()), (400, "scope_unknown")),
        }
    }
    assert_eq!(lines(&the_only_file(&server)).len(), 41);
}

#[tokio::test]
async fn nothing_that_a_caller_sends_forges_a_line_and_no_secret_is_in_one() {
    // R55
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let secret = registered.secret.as_ref().unwrap().expose();
    let token = server.token_by_secret(&registered).send().await.token();
    let forged = "x\r\n{\"outcome\":\"issued\"}\n\u{1b}[2K\u{2028}";
    let calls = [
        server.token().basic(forged, "x").field("resource", ROOT),
        server.token().basic("x", forged).field("resource", forged),
        server.token().field("client_id", forged).field("scope", forged),
        server.token().basic(secret, &token).field("resource", ROOT),
        server.token_by_secret(&registered).field("scope", secret),
        server.token_by_secret(&registered).field("scope", &token),
        server.token().header("content-type", "text/plain"),
    ];
    let asked = calls.len();
    for call in calls {
        assert!(call.send().await.status.is_client_error());
    }
    let file = the_only_file(&server);
    let (text, lines) = (fs::read_to_string(&file).unwrap(), lines(&file));
    assert_eq!(lines.len(), asked + 1, "{text}");
    assert_eq!(lines.iter().filter(|line| line["outcome"] == "issued").count(), 1);
    for hidden in [secret, token.rsplit('.').next().unwrap(), "\u{1b}", "\u{2028}", "\r"] {
        assert!(!text.contains(hidden), "{hidden:?} in {text}");
    }
}

#[tokio::test]
async fn each_failure_of_authentication_names_its_check_in_the_record_alone() {
    // R13
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let (good, suspended) = (server.register(consumer()).await, server.register(consumer()).await);
    let client_id = &suspended.consumer.client_id;
    let database = server.database.handle();
    database.set_consumer_status(client_id, SUSPENDED).await.unwrap();
    server.caught_up().await;
    let id = good.consumer.client_id.as_str();
    let of_other = suspended.secret.as_ref().unwrap().expose();
    let by = |id: &str, secret: &str| server.token().basic(id, secret).field("resource", ROOT);

    let checks = [
        (by("nobody", "wrong"), "consumer_unknown", "\"nobody\""),
        (by(id, "wrong"), "secret_wrong", "cut off"),
        (by(id, of_other), "secret_wrong", "another secret"),
        (server.token_by_secret(&suspended), "consumer_suspended", "suspended since"),
        (server.token().field("client_id", id).field("resource", ROOT), "nothing_presented", "neither"),
    ];
    for (call, expected, received) in checks {
        let answer = call.send().await;
        assert_eq!(answer.refused(401).1, "client_authentication_failed");
        assert!(!answer.text().contains(expected), "{}", answer.text());
        let (check, _, sent) = failed_check(&server, &answer);
        assert_eq!(check, expected);
        assert!(sent.contains(received), "{check}: {sent}");
    }
}

#[tokio::test]
async fn the_operator_is_told_what_became_of_a_request_also_of_days_ago_and_beside_a_torn_line() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let issued = server.token_by_secret(&registered).send().await;
    let refused = server.token().basic("nobody", "wrong").field("resource", ROOT).send().await;
    let torn = [fs::read(the_only_file(&server)).unwrap(), b"{\"time\":\"2027".to_vec()].concat();
    fs::write(the_only_file(&server), torn).unwrap();
    server.clock.advance(24 * 60 * 60);
    let fresh = async || server.get("/health/ready").await.json()["status"] == "ready";
    until("the register is of today", fresh).await;
    let next_day = server.token_by_secret(&registered).field("scope", "unknown").send().await;

    let directory = server.directory.path();
    let explain = |answer: &Answer, form: &[&str]| {
        run(directory, &[&["explain", answer.header("x-trace-id")], form].concat()).success()
    };
    let text = explain(&refused, &[]).stdout;
    for part in ["401 invalid_client", "consumer_unknown", "\"nobody\"", ROOT, "consumer list", "To mend it, "] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = explain(&refused, &["--json"]).json();
    assert_eq!((&json["check"], &json["status"]), (&"consumer_unknown".into(), &401.into()));
    assert!(json["advice"].as_str().unwrap().starts_with("Expected: "), "{json}");
    let json = explain(&issued, &["--json"]).json();
    assert_eq!((&json["outcome"], &json["asid"]), (&"issued".into(), &"200000000205".into()));
    let token_id = json["token_id"].as_str().unwrap();
    assert!(explain(&issued, &[]).stdout.contains(token_id));
    assert_eq!(run(directory, &["explain", token_id, "--json"]).success().json(), json);
    assert!(explain(&next_day, &[]).stdout.contains("scope_unknown"));
    assert_eq!(files(&server).len(), 2);

    let unknown = run(directory, &["explain", "67e55044-10b1-426f-9247-bb680e5fe0c8"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("records") && unknown.stderr.contains("90 days"), "{unknown:?}");
    assert_eq!(run(directory, &["explain", "nonsense"]).code, 2);
}

#[tokio::test]
async fn files_are_deleted_when_they_need_not_be_kept() {
    let server = TestServer::with("record.keep_days = 2\n").await;
    let ask = async || server.token().basic("nobody", "wrong").field("resource", ROOT).send().await;
    let first = ask().await;
    for _ in 0..3 {
        server.clock.advance(24 * 60 * 60);
        ask().await;
    }
    until("the oldest file is deleted", async || files(&server).len() == 3).await;
    let trace_id = first.header("x-trace-id").parse().unwrap();
    assert_eq!(find(&records(&server), trace_id).unwrap(), None);
}

#[tokio::test]
async fn the_address_in_an_error_leads_to_what_it_means() {
    let server = TestServer::start().await;
    let refused = server.token().without("grant_type").send().await.json();
    let path = refused["error_uri"].as_str().unwrap().strip_prefix(&server.url("")).unwrap().to_owned();
    let page = server.get(&path).await;
    assert!(page.text().starts_with("## grant_type_missing\n"), "{}", page.text());
    assert_eq!(page.header("cache-control"), "public, max-age=3600");
    let head = send(Method::HEAD, &path, server.client().head(server.url(&path))).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[test]
fn a_directory_that_cannot_hold_a_record_is_found_before_the_server_starts() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("careconnect-auth.toml"), "record.directory = \"a-file\"\n").unwrap();
    fs::write(directory.path().join("a-file"), "").unwrap();
    let checked = run(directory.path(), &["config", "check"]);
    assert!(checked.code == 1 && checked.stdout.contains("`record.directory` names"), "{checked:?}");
}

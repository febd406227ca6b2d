//! `audit tail`, `audit search` and `audit verify`, as people run them.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use serde_json::Value;

use super::{records, the_only_file};
use crate::support::{
    answers::answered,
    command::{command, run},
    process::Running,
    soon::soon,
    test_server::{ROOT, TestServer},
};

#[tokio::test]
async fn entries_are_found_by_who_asked_and_what_was_answered() {
    let (server, _, [issued, unknown, nobody]) = answered().await;
    let directory = server.directory.path();
    let found = |filter: &[&str]| {
        let found = run(directory, &[&["audit", "search", "--json"], filter].concat()).json();
        found.as_array().unwrap().iter().map(|one| one["trace_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let entry = &run(directory, &["audit", "search", "--json", "--outcome", "issued"]).success().json()[0];
    let (token_id, client_id) = (entry["token_id"].as_str().unwrap(), entry["client_id"].as_str().unwrap());
    assert!(entry["sequence"].is_u64() && entry["stream"].is_string(), "{entry}");

    assert_eq!(found(&[]), [&*nobody, &*unknown, &*issued], "the newest first");
    assert_eq!(found(&["--limit", "1"]), [&*nobody]);
    assert_eq!(found(&["--client-id", client_id]), [&*unknown, &*issued]);
    assert_eq!(found(&["--reason", "scope_unknown"]), [&*unknown]);
    assert_eq!(found(&["--reason", "consumer_unknown"]), [&*nobody], "the check, too");
    let of_token = [
        ["--token-id", token_id],
        ["--asid", "200000000205"],
        ["--ods-code", "a1001"],
        ["--trace-id", issued.as_str()],
        ["--outcome", "issued"],
    ];
    for filter in &of_token {
        assert_eq!(found(filter), [&*issued], "{filter:?}");
    }
    assert_eq!(found(&["--audience", ROOT, "--outcome", "refused"]).len(), 2);
    assert_eq!(found(&["--from", "2099-01-01"]), [""; 0]);
    assert_eq!(run(directory, &["audit", "search", "--until", "2001-01-01"]).code, 1);
    assert_eq!(run(directory, &["audit", "search", "--limit", "0"]).code, 2);
    let text = run(directory, &["audit", "search", "--trace-id", &nobody]).success().stdout;
    assert!(text.contains("refused") && text.contains("consumer_unknown") && text.lines().count() == 1, "{text}");
}

#[tokio::test]
async fn the_last_entries_are_shown_and_those_that_come() {
    let (server, _, [issued, unknown, nobody]) = answered().await;
    let directory = server.directory.path();
    let shown = run(directory, &["audit", "tail", "--lines", "2", "--json"]).success().stdout;
    let trace_id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["trace_id"].as_str().unwrap().to_owned();
    assert_eq!(shown.lines().map(trace_id).collect::<Vec<_>>(), [unknown.as_str(), nobody.as_str()]);

    let mut tail =
        Running(command(directory, &["audit", "tail", "--follow", "--json"]).stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
    let mut next = async || trace_id(&heard.recv().await.unwrap());
    for expected in [issued, unknown, nobody] {
        assert_eq!(soon("an entry that was there", next()).await, expected);
    }
    server.clock.advance(24 * 60 * 60);
    for _ in 0..2 {
        let answer = server.token().field("grant_type", "password").send().await;
        assert_eq!(soon("an entry that comes", next()).await, answer.header("x-trace-id"));
    }
}

#[tokio::test]
async fn a_verification_needs_no_server_and_names_the_first_broken_line() {
    let (server, ..) = answered().await;
    let (file, keys) = (the_only_file(&server), server.running.app.keys.key_set().json().to_owned());
    let records = records(&server).display().to_string();
    let TestServer { running, directory: held, .. } = server;
    let directory = held.path();
    soon("the end", running.stop()).await;
    let sound = run(directory, &["audit", "verify"]).success().stdout;
    assert!(sound.contains("1 valid checkpoints, 0 lines behind") && sound.contains("as it was written"), "{sound}");

    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("jwks.json"), keys).unwrap();
    fs::write(elsewhere.path().join("none.json"), "{\"keys\":[]}").unwrap();
    let verify = |more: &[&str]| {
        run(elsewhere.path(), &[&["audit", "verify", "--record-directory", &records, "--json"], more].concat())
    };
    let json = verify(&["--jwks", "jwks.json"]).success().json();
    assert_eq!((&json["ok"], &json["tokens"]["streams"][0]["valid_checkpoints"]), (&true.into(), &1.into()));
    let unknown = verify(&["--jwks", "none.json"]);
    assert_eq!((unknown.code, &unknown.json()["ok"]), (1, &false.into()));
    assert_eq!(verify(&[]).code, 1, "no keys at all are no proof");
    verify(&["--without-keys"]).success();
    let stream = json["tokens"]["streams"][0]["stream"].as_str().unwrap();
    let known = format!("{stream}:1000:{}", "0".repeat(64));
    assert_eq!(verify(&["--without-keys", "--known", &known]).code, 1);
    assert_eq!(verify(&["--known", "nonsense"]).code, 2);
    assert_eq!(verify(&["--jwks", "absent.json"]).code, 2);
    assert_eq!(run(elsewhere.path(), &["audit", "verify", "--record-directory", "absent"]).code, 2);

    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("200000000205", "200000000206", 1)).unwrap();
    let broken = verify(&["--jwks", "jwks.json"]);
    let found = &broken.json()["tokens"]["streams"][0]["broken"];
    assert_eq!((broken.code, &found["line"], &found["fault"]), (1, &2.into(), &"the line was changed".into()));
    let said = run(directory, &["audit", "verify"]);
    assert!(said.code == 1 && said.stdout.contains("jsonl, line 2: the line was changed"), "{said:?}");
}

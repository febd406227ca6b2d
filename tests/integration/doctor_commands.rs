//! `doctor assertion` and `doctor certificate`: which check fails, with both sides, and that nothing is used up.

use std::path::Path;

use serde_json::Value;

use crate::support::{
    authority::NOW,
    command::{Run, run, run_with_input},
    test_server::TestServer,
};

mod assertions;
mod certificates;

/// Runs `doctor` with these arguments, as of `NOW`; the answer is read as JSON.
fn doctor(server: &TestServer, arguments: &[&str], input: &str) -> (i32, Value) {
    let at = NOW.to_string();
    let arguments = [&["doctor"], arguments, &["--at", &at, "--json"]].concat();
    let run = run_with_input(server.directory.path(), &arguments, input.as_bytes());
    (run.code, run.json())
}

/// The same for people.
fn doctor_in_words(server: &TestServer, arguments: &[&str], input: &str) -> Run {
    let at = NOW.to_string();
    run_with_input(server.directory.path(), &[&["doctor"], arguments, &["--at", &at]].concat(), input.as_bytes())
}

/// The check that failed, with both sides. All before it have passed.
#[track_caller]
fn failed((code, verdict): &(i32, Value)) -> [&str; 3] {
    let (last, passed) = verdict["checks"].as_array().unwrap().split_last().unwrap();
    assert!(*code == 1 && verdict["proven"] == false && last["verdict"] == "failed", "{verdict}");
    assert!(passed.iter().all(|check| check["verdict"] == "ok"), "{verdict}");
    assert!(verdict["advice"].as_str().unwrap().contains("To mend it"), "{verdict}");
    ["check", "expected", "received"].map(|part| last[part].as_str().unwrap())
}

#[test]
fn input_that_cannot_be_used_is_told_apart_from_a_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let in_it = |arguments: &[&str]| run(directory.path(), arguments);
    for text in ["", "garbage", "client_id=x&client_secret=y", "a.b", "a.b.c d", "a.b.c&client_id=x"] {
        std::fs::write(directory.path().join("file"), text).unwrap();
        let refused = in_it(&["doctor", "assertion", "file"]);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("expected a compact JWT"), "{refused:?}");
    }
    assert_eq!(in_it(&["doctor", "certificate", "file", "--consumer", "x"]).code, 2);
    for arguments in [&["doctor", "assertion", "absent"][..], &["doctor", "certificate", "absent", "--consumer", "x"]] {
        let refused = in_it(arguments);
        assert!(refused.code == 2 && refused.stderr.contains("absent cannot be read"), "{refused:?}");
    }
    std::fs::write(directory.path().join("file"), "a.b.c").unwrap();
    let without_set_up = in_it(&["doctor", "assertion", "file"]);
    assert!(without_set_up.code == 2 && without_set_up.stderr.contains("careconnect-auth.toml"), "{without_set_up:?}");
    assert!(!Path::new(&directory.path().join("careconnect-auth.db")).exists());
}

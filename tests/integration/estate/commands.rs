//! `estate` on the command line.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{command::run, test_server::TestServer};

const FILE: &str = "[[organisation_types]]\ncode = \"clinic\"\ndisplay = \"Clinic\"\n";
const FAULTY: &str = "[[organisation_types]]\ncode = \"clinic\"\ndisplay = \"Clinic\"\n\n\
    [[consumers]]\nclient_id = \"one\"\nasid = \"12\"\n";

#[tokio::test]
async fn a_file_is_planned_and_applied_and_scripts_see_whether_there_is_something_to_do() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    fs::write(directory.join("estate.toml"), FILE).unwrap();
    let planned = run(directory, &["estate", "plan", "estate.toml"]).success();
    assert!(planned.stdout.contains("+ organisation type clinic  added\n    code: clinic\n"), "{planned:?}");
    assert!(planned.stdout.ends_with("1 added, 0 changed, 0 removed\n") && !planned.stdout.contains('\x1b'));
    let planned = run(directory, &["estate", "plan", "estate.toml", "--detailed-exit-code", "--json"]);
    assert_eq!((planned.code, &planned.json()["changes"][0]["action"]), (3, &"organisation_type.added".into()));
    let refused = run(directory, &["estate", "apply", "estate.toml"]);
    assert!(refused.code == 2 && refused.stderr.contains("--reason is missing"), "{refused:?}");

    let applied = run(directory, &["estate", "apply", "estate.toml", "--reason", "a new type"]).success();
    assert_eq!(applied.stdout, "applied: 1 added, 0 changed, 0 removed\n");
    let planned = run(directory, &["estate", "plan", "estate.toml", "--detailed-exit-code"]).success();
    assert_eq!(planned.stdout, "nothing to change\n");

    run(directory, &["estate", "export", "whole.toml"]).success();
    run(directory, &["estate", "export", "whole.json", "--with-secret-hashes"]).success();
    for file in ["whole.toml", "whole.json"] {
        run(directory, &["estate", "plan", file, "--prune", "--detailed-exit-code"]).success();
    }
    let mode = fs::metadata(directory.join("whole.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "hashes are as secret as the database");
    let printed = run(directory, &["estate", "export"]).success().stdout;
    assert_eq!(printed, fs::read_to_string(directory.join("whole.toml")).unwrap());
}

#[tokio::test]
async fn a_faulty_file_is_refused_with_lines_and_names_and_the_refusal_is_kept() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    fs::write(directory.join("estate.toml"), FAULTY).unwrap();
    let refused = run(directory, &["estate", "apply", "estate.toml", "--reason", "a try"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    for line in [
        "estate.toml: line 5, consumer one: /consumers/0/asid: ",
        "estate.toml: line 5, consumer one: /consumers/0/name: it is missing",
        "nothing is changed, for estate.toml has 5 faults, the first of which is: line 5, consumer one",
    ] {
        assert!(refused.stderr.contains(line), "{line}\n{}", refused.stderr);
    }
    let shown = run(directory, &["estate", "plan", "estate.toml", "--json"]);
    assert_eq!((shown.code, shown.json()["faults"].as_array().map(Vec::len)), (2, Some(5)));
    let audit = run(directory, &["audit", "search", "--action", "estate.apply", "--json"]).success();
    assert!(audit.stdout.contains("has 5 faults") && audit.stdout.contains("refused"), "{audit:?}");
    fs::write(directory.join("estate.toml"), "[[consumers]\n").unwrap();
    let malformed = run(directory, &["estate", "plan", "estate.toml"]);
    assert!(malformed.code == 2 && malformed.stderr.contains("estate.toml: line 1: "), "{malformed:?}");
}

//! What the guide for administrators shows is what works: what it takes away is refused, what it gives back is granted.

use crate::support::{
    dev::Dev,
    shell_blocks::{blocks, links, run},
};

const GUIDE: &str = include_str!("../../docs/administration.md");

const NEXT: &str = "\necho '--- next block ---'\n";

/// What is registered counts within a second, or later on a busy machine: asks until the answer has `$1` in it.
const UNHURRIED: &str = r#"
curl() { command curl --silent "$@"; }
sleep() { :; }
expecting() {
  wanted=$1
  shift
  for attempt in $(seq 80); do
    answer=$("$@") || answer=
    case $answer in
      *$wanted*) break ;;
    esac
    command sleep 0.25
  done
  echo "$answer"
}
"#;

#[test]
fn every_shell_block_of_the_guide_runs_and_every_token_request_ends_as_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let shown = blocks(GUIDE, "sh");
    let script = shown.join(NEXT);
    let script = script.replace("\ntoken $SLOTS", "\nexpecting access_token token $SLOTS");
    let script = script.replace("$(token $SLOTS)", "$(expecting reason token $SLOTS)");
    let answers = run(&format!("{UNHURRIED}{script}"), &dev, directory.path(), &[]);
    let answers: Vec<_> = answers.split("--- next block ---\n").collect();
    assert_eq!(answers.len(), shown.len());
    let mut refusals = Vec::new();
    for (block, answer) in shown.iter().zip(&answers).filter(|(block, _)| block.contains("token $SLOTS")) {
        let answer: serde_json::Value = serde_json::from_str(answer.lines().last().unwrap()).unwrap();
        match block.contains("REFUSAL") {
            true => refusals.push(answer["reason"].as_str().unwrap_or_default().to_owned()),
            false => assert_eq!(answer["scope"], "organization/slot.read", "{block}"),
        }
    }
    assert_eq!(refusals, ["group_not_assured", "group_suspended", "requester_not_admitted"]);
}

#[test]
fn every_file_that_the_guide_names_exists() {
    let documents = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for target in links(GUIDE) {
        let target = target.split('#').next().unwrap();
        assert!(documents.join(target).exists(), "{target}");
    }
}

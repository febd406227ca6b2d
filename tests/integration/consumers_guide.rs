//! What the guide for consumers shows is what works: each way of proving, with `curl` and `openssl` alone.

use std::path::Path;

use serde_json::Value;

use crate::support::{
    dev::Dev,
    foreign::{python, said},
    shell_blocks::{UNHURRIED, at, blocks, links, run},
};

const GUIDE: &str = include_str!("../../docs/consumers.md");

const NEXT: &str = "\necho '--- next block ---'\n";

#[test]
fn every_shell_block_of_the_guide_runs_and_every_way_of_proving_returns_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let shown = blocks(GUIDE, "sh");
    let script = format!("{UNHURRIED}{}", shown.join(NEXT));
    let answers = run(&script, &dev, directory.path(), &[]);
    let answers: Vec<_> = answers.split("--- next block ---\n").collect();
    assert_eq!(answers.len(), shown.len());
    let asks = |block: &str| block.contains("curl ") && !block.contains("REFUSAL") && !block.contains("/revoke");
    for (block, answer) in shown.iter().zip(&answers).filter(|(block, _)| asks(block)) {
        let token = answer.lines().last().map(serde_json::from_str::<Value>);
        let has_token = token.is_some_and(|token| token.is_ok_and(|token| token["access_token"].is_string()));
        assert!(has_token, "{block}\n{answer}");
    }
    let revoked = shown.iter().zip(&answers).find(|(block, _)| block.contains("/revoke")).unwrap().1;
    assert!(revoked.contains(r#""active":true"#) && revoked.trim_end().ends_with(r#"{"active":false}"#), "{revoked}");
    let [.., refusal, explained] = &answers[..] else { panic!("{answers:?}") };
    assert!(refusal.contains("audience_unregistered") && explained.contains("audience_unregistered"), "{explained}");

    let [msal] = &blocks(GUIDE, "python")[..] else { panic!("one block for MSAL") };
    let program = format!("{}\nfor _ in range(2):\n    print(token({:?}))", at(&dev, msal), dev.provider());
    let mut python = python();
    python.args(["-c", &program]).current_dir(directory.path());
    let answers = said(python);
    assert_eq!(answers.matches("'access_token'").count(), 2, "{answers}");
}

#[test]
fn every_file_that_the_guide_names_exists() {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for target in links(GUIDE) {
        match target.strip_prefix('#') {
            Some(anchor) => {
                let heading = anchor.replace('-', " ");
                assert!(
                    GUIDE.lines().any(|line| line.trim_start_matches('#').trim().to_lowercase() == heading),
                    "{anchor}"
                );
            }
            None => assert!(documents.join(target).exists(), "{target}"),
        }
    }
}

#[test]
fn the_lines_that_dev_prints_return_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let (_, lines) = dev.welcome.split_once("in another terminal:\n").unwrap();
    let (lines, _) = lines.split_once("\nServing").unwrap();
    let answer = run(lines, &dev, directory.path(), &[]);
    let expected = 2 + usize::from(careconnect_auth::crypto::MAKES_RSA_KEYS);
    assert_eq!(answer.matches(r#""access_token""#).count(), expected, "{answer}");
    assert_eq!(answer.matches(r#""active":true"#).count(), 1, "{answer}");
}

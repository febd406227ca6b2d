//! What the guide for operators shows is what works.

use std::path::Path;

use crate::support::{
    dev::Dev,
    shell_blocks::{blocks, links, run},
};

const GUIDE: &str = include_str!("../../docs/operations.md");

const NEXT: &str = "\necho '--- next block ---'\n";

#[test]
fn every_shell_block_of_the_guide_runs() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let shown = blocks(GUIDE, "sh");
    let port = dev.manifest()["issuer"].as_str().unwrap().replace("/careconnect", "");
    let script = shown.join(NEXT).replace("https://localhost:8443", &port);
    let said = run(&script, &dev, directory.path(), &[]);
    let said: Vec<_> = said.split("--- next block ---\n").collect();
    assert_eq!(said.len(), shown.len());
    for (block, answer) in shown.iter().zip(&said) {
        for (line, expected) in [
            ("curl --silent $READY", r#""status":"ready""#),
            ("migrate status", "applied"),
            ("migrate --dry-run", "nothing would be applied"),
            ("backup dev/backup.db", "Backed up to dev/backup.db"),
            ("config check", "can start"),
            ("doctor --quick --json", r#""verdict":"ok""#),
        ] {
            assert!(!block.contains(line) || answer.contains(expected), "{block}\n{answer}");
        }
    }
}

#[test]
fn every_file_and_every_section_that_the_guide_names_exists() {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for target in links(GUIDE) {
        match target.strip_prefix('#') {
            Some(anchor) => {
                let wanted = anchor.replace('-', " ");
                let is_it = |line: &str| line.trim_start_matches('#').trim().to_lowercase() == wanted;
                assert!(GUIDE.lines().any(is_it), "{anchor}");
            }
            None => assert!(documents.join(target).exists(), "{target}"),
        }
    }
}

//! What the README shows is what works.

use serde_json::Value;

use crate::support::{
    dev::Dev,
    shell_blocks::{UNHURRIED, blocks, links, run},
};

const README: &str = include_str!("../../README.md");

#[test]
fn the_ten_lines_of_rust_are_the_ones_that_the_crates_documentation_compiles() {
    let ours = blocks(README, "rust");
    let tested = blocks(include_str!("../../verifier/README.md"), "rust");
    assert_eq!(ours, tested[..1]);
}

#[test]
fn the_configuration_is_complete_and_under_ten_lines() {
    let toml = blocks(README, "toml")[0];
    assert!(toml.lines().count() < 10);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("careconnect-auth.toml");
    std::fs::write(&file, toml).unwrap();
    let config = careconnect_auth::config::Config::load(Some(&file)).unwrap();
    assert!(config.serving().is_ok());
}

#[test]
fn every_file_that_is_named_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in links(README) {
        assert!(root.join(target).exists(), "{target}");
    }
}

fn scope_granted(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap();
    assert!(answer["access_token"].is_string(), "{answer}");
    answer["scope"].as_str().unwrap().to_owned()
}

#[test]
fn the_curl_lines_return_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start(directory.path());
    let (_, section) = README.split_once("## Get a token").unwrap();
    let blocks = blocks(section, "sh");
    let by_certificate = run(blocks[0], &dev, directory.path(), &[]);
    assert!(scope_granted(&by_certificate).contains("patient/appointment.write"));

    let registered = run(blocks[1], &dev, directory.path(), &[]);
    let said = |name: &str| registered.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (id, secret) = (said("client_id "), said("client_secret "));
    let ask = format!("{UNHURRIED}{}", blocks[2]);
    let by_secret = run(&ask, &dev, directory.path(), &[("CLIENT_ID", &id), ("CLIENT_SECRET", &secret)]);
    assert_eq!(scope_granted(&by_secret), "organization/slot.read");

    let by_hand = blocks.iter().find(|block| block.contains("token verify")).unwrap();
    let answer: Value = serde_json::from_str(&by_secret).unwrap();
    let said = run(by_hand, &dev, directory.path(), &[("TOKEN", answer["access_token"].as_str().unwrap())]);
    assert!(said.contains("org_type") && said.contains(r#"{"verdict":"accept""#), "{said}");
}

//! The fenced blocks of a document, and how to run those for a shell as a reader would.

use std::{path::Path, process::Command};

use super::{
    dev::Dev,
    foreign::{alone, said},
};

/// What is registered counts within a second, less than a reader needs from one line to the next. An answer that may
/// come of that is not the last one.
pub(crate) const UNHURRIED: &str = r#"
curl() {
  for attempt in $(seq 80); do
    answer=$(command curl --silent "$@") || answer=
    case $answer in
      ''|*client_authentication_failed*|*assertion_key_unknown*|*assertion_audience*|*too_many_failures*) sleep 0.25 ;;
      *) break ;;
    esac
  done
  echo "$answer"
}
"#;

/// The blocks of a language.
pub(crate) fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}");
    let after = text.split(&fence[..]).skip(1).filter_map(|rest| rest.split_once('\n'));
    after.filter_map(|(_, rest)| rest.split_once("```")).map(|(block, _)| block).collect()
}

/// The files that a document links to, as it names them.
pub(crate) fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://"))
}

/// Runs a block as it stands, but for the port and for how the binary is called; gives what it prints.
#[track_caller]
pub(crate) fn run(block: &str, dev: &Dev, directory: &Path, environment: &[(&str, &str)]) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_careconnect-auth"));
    let block = at(dev, block).replace("cargo run --", binary.to_str().unwrap());
    let block = format!("PATH='{}':$PATH\n{block}", binary.parent().unwrap().display());
    let mut shell = alone(Command::new("sh"));
    shell.args(["-euc", &block]).current_dir(directory).envs(environment.iter().copied());
    said(shell)
}

/// A block with the port of this server.
pub(crate) fn at(dev: &Dev, block: &str) -> String {
    let manifest = dev.manifest();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let block = block.replace("https://localhost:8443/careconnect", &text(&manifest["issuer"]));
    block.replace("https://localhost:9443/admin/v1", &text(&manifest["admin"]["base_url"]))
}

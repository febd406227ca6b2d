//! `careconnect-auth config`: what `serve` would say of the configuration, and what it would use.

use std::{path::Path, process::ExitCode};

use clap::Subcommand;
use serde_json::json;

use super::{examination, output};
use crate::{
    clock::{Clock, SystemClock},
    config::{FileFindings, LoadedConfig, Problem},
};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report everything that would keep the server from starting, and exit with 2 if there is anything.
    Check,
    /// Print the values in effect, secrets redacted, and where each came from: default, file or environment.
    Dump,
}

pub(crate) fn run(command: ConfigCommand, config_path: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Check => check(config_path, json),
        ConfigCommand::Dump => dump(config_path, json),
    }
}

fn check(config_path: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let findings = examine(config_path);
    if json {
        output::json(&json!({
            "ok": findings.problems.is_empty(),
            "problems": findings.problems.iter().map(as_json).collect::<Vec<_>>(),
            "warnings": findings.warnings.iter().map(as_json).collect::<Vec<_>>(),
        }))?;
    } else {
        findings.problems.iter().try_for_each(|problem| output::line(&problem.to_string()))?;
        findings.warnings.iter().try_for_each(|warning| output::line(&format!("warning: {warning}")))?;
        if findings.problems.is_empty() {
            output::line("The server can start with this configuration.")?;
        }
    }
    Ok(if findings.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(output::USAGE) })
}

fn examine(config_path: Option<&Path>) -> FileFindings {
    match LoadedConfig::load(config_path) {
        Err(error) => FileFindings { problems: error.problems, warnings: Vec::new() },
        Ok(loaded) => examination::examine(&loaded, SystemClock.now()),
    }
}

fn dump(config_path: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let loaded = LoadedConfig::load(config_path)?;
    if json {
        output::json(&loaded.to_json())?;
    } else {
        output::line(loaded.to_toml().trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(problem: &Problem) -> serde_json::Value {
    json!({ "place": problem.place.to_string(), "key": problem.key, "sentence": problem.sentence })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_check_reports_missing_keys_and_absent_files_together() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("auth.toml");
        fs::write(&file, "[tls]\nkey_file = \"absent.pem\"").unwrap();
        let keys: Vec<_> = examine(Some(&file)).problems.into_iter().filter_map(|problem| problem.key).collect();
        assert_eq!(keys, ["issuer", "tls.certificate_file", "tls.key_file"]);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_a_problem_and_no_failure_of_the_check() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(examine(Some(&directory.path().join("absent.toml"))).problems.len(), 1);
    }
}

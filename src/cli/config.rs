//! `careconnect-auth config`: what `serve` would say of the configuration, and what it would use.

use std::{path::Path, process::ExitCode};

use clap::Subcommand;
use serde_json::json;

use super::{
    examination::{self, Examination},
    output,
    session::block_on,
};
use crate::{
    clock::{Clock, SystemClock, UnixTime},
    config::{FileFindings, LoadedConfig, Problem},
    expiries::Expiry,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report everything that would keep the server from starting, except ports in use; exit code 1 if there is anything.
    ///
    /// Reads the keys, the files that they name, the signing keys and the database; changes nothing.
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
    let findings = examine(config_path)?;
    let can_start = findings.problems.is_empty();
    if json {
        output::json(&json!({
            "ok": can_start,
            "problems": findings.problems.iter().map(as_json).collect::<Vec<_>>(),
            "warnings": findings.warnings.iter().map(as_json).collect::<Vec<_>>(),
        }))?;
    } else {
        findings.problems.iter().try_for_each(|problem| output::line(&problem.to_string()))?;
        findings.warnings.iter().try_for_each(|warning| output::line(&format!("warning: {warning}")))?;
        if can_start {
            output::line("The server can start with this configuration.")?;
        }
    }
    Ok(if can_start { ExitCode::SUCCESS } else { ExitCode::from(output::REFUSED) })
}

fn examine(config_path: Option<&Path>) -> anyhow::Result<FileFindings> {
    let now = SystemClock.now();
    let Examination { loaded, mut findings, expiries } = examination::examine(config_path, now);
    findings.warnings.extend(expiries.iter().map(|expiry| as_warning(expiry, now)));
    if let Some(LoadedConfig { config, .. }) = loaded {
        match block_on(async { Ok(examination::register(&config).await) })? {
            Err(error) => findings.problems.push(Problem::of_key("database", error.to_string())),
            Ok(register) => {
                let keys = examination::unusable_keys(&config, &register.signing_keys).into_iter();
                findings.problems.extend(keys.map(|error| Problem::of_key("keys", error.to_string())));
            }
        }
    }
    Ok(findings)
}

fn as_warning(expiry: &Expiry, now: UnixTime) -> Problem {
    let key = if expiry.kind == "server_certificate" { "tls.certificate_file" } else { "tls.client_authorities" };
    Problem::of_key(key, format!("{}: {}", expiry.sentence(now), expiry.repair()))
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
        let problems = examine(Some(&file)).unwrap().problems;
        let keys: Vec<_> = problems.into_iter().filter_map(|problem| problem.key).collect();
        assert_eq!(keys, ["issuer", "tls.certificate_file", "tls.key_file", "database"]);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_a_problem_and_no_failure_of_the_check() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(examine(Some(&directory.path().join("absent.toml"))).unwrap().problems.len(), 1);
    }
}

//! The configuration with the files that it names, and the keys that sign.

use super::Finding;
use crate::{
    cli::examination,
    config::{Config, FileFindings},
};

pub(super) fn examine(found: &FileFindings) -> Vec<Finding> {
    const CHECK: &str = "configuration";
    let problems = found.problems.iter().map(|problem| {
        Finding::failure(
            CHECK,
            problem.to_string(),
            "make the file, or correct the key: docs/configuration.md has them all",
        )
    });
    let warnings = found.warnings.iter().map(|warning| {
        Finding::warning(CHECK, warning.to_string(), "the server works with it; see to it before it does not")
    });
    let mut findings: Vec<Finding> = problems.chain(warnings).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "every key is known, every file is what it should be"));
    }
    findings
}

pub(super) fn signing_keys(config: &Config) -> Finding {
    const CHECK: &str = "signing keys";
    match examination::signing_keys(config) {
        Err(error) => {
            Finding::failure(CHECK, error.to_string(), "do as it says; a damaged file comes back from its backup")
        }
        Ok(algorithms) if algorithms.is_empty() => {
            Finding::warning(CHECK, "there are none yet", "`careconnect-auth serve` makes them when it starts")
        }
        Ok(algorithms) => {
            let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
            Finding::ok(CHECK, names.join(" "))
        }
    }
}

//! The configuration with the files that it names.

use super::Finding;
use crate::config::FileFindings;

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

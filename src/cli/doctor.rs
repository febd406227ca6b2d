//! `careconnect-auth doctor`: what is wrong, and how to mend it.

use std::process::ExitCode;

use careconnect_verifier::Algorithm;
use clap::Args;
use serde::Serialize;

use super::{
    examination, output,
    session::{Session, block_on},
};
use crate::config::{Config, FileFindings};

mod running_server;
mod spoof_check;

mod revocation_lists;

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Only ask the running server whether it is ready: for health checks of containers.
    #[arg(long)]
    quick: bool,
    /// Only prove, from outside and without credentials, that no header passes for a client certificate.
    #[arg(long, conflicts_with = "quick")]
    spoof_check: bool,
    /// The server to prove it of, by its issuer; the one of this machine unless given.
    #[arg(long, value_name = "ISSUER", requires = "spoof_check")]
    url: Option<String>,
}

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, detail: detail.into(), repair: None }
    }

    fn warning(check: &'static str, detail: impl Into<String>, repair: &'static str) -> Self {
        Self { check, verdict: Verdict::Warning, detail: detail.into(), repair: Some(repair) }
    }

    fn failure(check: &'static str, detail: impl Into<String>, repair: &'static str) -> Self {
        Self { check, verdict: Verdict::Failure, detail: detail.into(), repair: Some(repair) }
    }
}

/// Exit code 0 when nothing is worse than a warning, 1 otherwise.
pub(super) fn run(arguments: &DoctorArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let (loaded, found) = examination::examine(session.config_file.as_deref(), session.now());
    let mut findings = Vec::new();
    if arguments.spoof_check {
        findings.extend(block_on(spoof_check::of_server(loaded.as_ref(), arguments.url.as_deref()))?);
        return report(&findings, session);
    }
    if !arguments.quick || loaded.is_none() {
        findings.extend(configuration(&found));
    }
    if let Some(loaded) = &loaded {
        block_on(async {
            if !arguments.quick {
                findings.push(signing_keys(&loaded.config));
                findings.extend(database(&loaded.config).await);
                findings.extend(revocation_lists::examine(&loaded.config, session.now()).await);
            }
            let server = running_server::check(loaded).await;
            let is_there = server.verdict != Verdict::Failure;
            findings.push(server);
            if is_there && !arguments.quick {
                findings.extend(spoof_check::in_short(spoof_check::of_server(Some(loaded), None).await?));
            }
            Ok(())
        })?;
    }
    report(&findings, session)
}

fn report(findings: &[Finding], session: &Session) -> anyhow::Result<ExitCode> {
    if session.json {
        output::json(&findings)?;
    } else {
        for finding in findings {
            let mark = match finding.verdict {
                Verdict::Ok => "ok      ",
                Verdict::Warning => "warning ",
                Verdict::Failure => "FAILURE ",
            };
            output::line(&format!("{mark} {:<14} {}", finding.check, finding.detail))?;
            if let Some(repair) = finding.repair {
                output::line(&format!("                        → {repair}"))?;
            }
        }
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Failure);
    Ok(ExitCode::from(if failed { output::REFUSED } else { 0 }))
}

fn configuration(found: &FileFindings) -> Vec<Finding> {
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

fn signing_keys(config: &Config) -> Finding {
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

async fn database(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "database";
    let (consumers, providers) = match examination::register(config).await {
        Ok(found) => found,
        Err(error) => {
            return vec![Finding::failure(
                CHECK,
                error.to_string(),
                "see database.url or database.url_file; a new database needs `careconnect-auth migrate`",
            )];
        }
    };
    let keys = examination::signing_keys(config).unwrap_or_default();
    let lacks_key = |algorithm: Algorithm| !keys.is_empty() && !keys.contains(&algorithm);
    let mut findings = vec![Finding::ok(CHECK, format!("{consumers} consumers, {} providers", providers.len()))];
    findings.extend(providers.iter().filter(|provider| lacks_key(provider.signing_algorithm)).map(|provider| {
        let detail =
            format!("provider {} wants {}, for which there is no key", provider.asid, provider.signing_algorithm);
        Finding::failure("provider", detail, "import a key: careconnect-auth keys import")
    }));
    findings
}

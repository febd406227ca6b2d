//! `careconnect-auth doctor`: what is wrong, and how to mend it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    examination::{self, Examination},
    output,
    session::{Session, block_on},
};

mod assertion;
mod certificate;
mod clock;
mod configuration;
mod directory;
mod expiries;
mod key_sets;
mod register;
mod rehearsal;
mod revocation_lists;
mod running_server;
mod signing_keys;
mod spoof_check;
mod verdict;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
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
    #[command(subcommand)]
    proof: Option<Proof>,
}

/// A consumer's proof, to be judged as the token endpoint would.
#[derive(Debug, Subcommand)]
enum Proof {
    /// Judge a client assertion as the token endpoint would, without using it up; exit code 0 proven, 1 refused, 2
    /// unusable input.
    Assertion(assertion::AssertionArguments),
    /// Judge a consumer's certificate as the listener and the token endpoint would; exit code 0 proven, 1 refused, 2
    /// unusable input.
    Certificate(certificate::CertificateArguments),
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
    match &arguments.proof {
        Some(Proof::Assertion(arguments)) => return assertion::run(arguments, session),
        Some(Proof::Certificate(arguments)) => return certificate::run(arguments, session),
        None => {}
    }
    let now = session.now();
    let Examination { loaded, findings: found, expiries } = examination::examine(session.config_file.as_deref(), now);
    let mut findings = Vec::new();
    if arguments.spoof_check {
        findings.extend(block_on(spoof_check::of_server(loaded.as_ref(), arguments.url.as_deref()))?);
        return report(&findings, session);
    }
    if !arguments.quick || loaded.is_none() {
        findings.extend(configuration::examine(&found));
    }
    if let Some(loaded) = &loaded {
        block_on(async {
            if !arguments.quick {
                let register = examination::register(&loaded.config).await;
                findings.extend(register::examine(&register));
                findings
                    .extend(register.iter().flat_map(|register| signing_keys::examine(register, &loaded.config, now)));
                findings.extend(clock::examine(&loaded.config).await);
                findings.extend(revocation_lists::examine(&loaded.config, now).await);
                findings.extend(key_sets::examine(register.as_ref().ok(), &loaded.config, now).await);
                findings.extend(directory::examine(&loaded.config).await);
                findings.extend(expiries::examine(expiries, register.as_ref().ok(), now));
            }
            let server = running_server::check(loaded).await;
            let is_there = server.iter().all(|finding| finding.verdict != Verdict::Failure);
            findings.extend(server);
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

//! `careconnect-auth doctor`: what is wrong, and how to mend it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use careconnect_verifier::Algorithm;
use clap::Args;
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::{
    examination, output,
    session::{Session, block_on},
};
use crate::config::{Config, FileFindings, Issuer, LoadedConfig};

mod revocation_lists;

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Only ask the running server whether it is ready: for health checks of containers.
    #[arg(long)]
    quick: bool,
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
            findings.push(running_server(loaded).await);
            Ok(())
        })?;
    }
    if session.json {
        output::json(&findings)?;
    } else {
        for finding in &findings {
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

/// Asks the server that should be running here. The certificate is not judged: this only asks whether it answers.
async fn running_server(loaded: &LoadedConfig) -> Finding {
    const CHECK: &str = "server";
    const REPAIR: &str = "start it with `careconnect-auth serve`, and read its log";
    let listen = loaded.config.listen;
    let Some(issuer) = &loaded.config.issuer else {
        let detail = loaded.lacks_file().unwrap_or_else(|| "there is no issuer to look for".to_owned());
        return Finding::failure(CHECK, detail, "set `issuer`");
    };
    match ask(listen, issuer).await {
        Err(error) => {
            let detail = format!("it does not answer on {listen}: {}", output::sentence(&error));
            Finding::failure(CHECK, detail, REPAIR)
        }
        Ok(Answer::OfAnother { received }) => {
            let expected = issuer.as_str();
            let detail =
                format!("another server answers on {listen}: expected the issuer {expected:?}, received {received}");
            Finding::failure(CHECK, detail, "stop the other one, or change `listen`")
        }
        Ok(Answer::Health { status, said }) => match said.as_str() {
            "ready" if status.is_success() => Finding::ok(CHECK, "ready"),
            "degraded" => Finding::warning(CHECK, "degraded: the database is out of reach", "see the database"),
            _ => Finding::failure(CHECK, format!("it says {said} ({status})"), REPAIR),
        },
    }
}

/// What came from the address on which the server should listen.
enum Answer {
    Health { status: StatusCode, said: String },
    OfAnother { received: String },
}

async fn ask(listen: SocketAddr, issuer: &Issuer) -> anyhow::Result<Answer> {
    let origin = format!("https://localhost:{}", listen.port());
    let metadata_url = format!("{origin}{}/.well-known/oauth-authorization-server", issuer.path());
    let address = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    };
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(4))
        .no_proxy() // this machine asks itself
        .tls_danger_accept_invalid_certs(true)
        .resolve("localhost", address)
        .build()?;
    let response = client.get(&metadata_url).send().await?;
    let status = response.status();
    let metadata = response.json::<Value>().await.unwrap_or_default();
    match metadata["issuer"].as_str() {
        Some(received) if received == issuer.as_str() => {}
        Some(other) => return Ok(Answer::OfAnother { received: format!("{other:?}") }),
        None => return Ok(Answer::OfAnother { received: format!("no metadata at {metadata_url} ({status})") }),
    }
    let response = client.get(format!("{origin}/health/ready")).send().await?;
    let (status, health) = (response.status(), response.json::<Value>().await?);
    Ok(Answer::Health { status, said: health["status"].as_str().unwrap_or("nothing").to_owned() })
}

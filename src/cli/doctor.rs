//! `careconnect-auth doctor`: what is wrong, and how to mend it.

use std::{process::ExitCode, time::Duration};

use careconnect_verifier::Algorithm;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::{examination, output, session::Session};
use crate::{
    clock::UnixTime,
    config::{Config, LoadedConfig},
    signing::KeyRing,
    storage::Database,
};

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
    let loaded = LoadedConfig::load(session.config_file.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(async {
        let mut findings = Vec::new();
        if !arguments.quick {
            findings.extend(configuration(&loaded, session.now()));
            findings.push(signing_keys(&loaded.config));
            findings.extend(database(&loaded.config).await);
        }
        findings.push(running_server(&loaded.config).await);
        findings
    });
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
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn configuration(loaded: &LoadedConfig, now: UnixTime) -> Vec<Finding> {
    const CHECK: &str = "configuration";
    let found = examination::examine(loaded, now);
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
    match KeyRing::algorithms_in(&config.keys.directory) {
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
    let looked = async {
        let database = Database::open(&(&config.database).into()).await?;
        database.require_current_schema().await?;
        anyhow::Ok((database.list_consumers().await?.len(), database.list_providers().await?))
    };
    let (consumers, providers) = match looked.await {
        Ok(found) => found,
        Err(error) => {
            return vec![Finding::failure(
                CHECK,
                format!("{error:#}"),
                "see database.url or database.url_file; a new database needs `careconnect-auth migrate`",
            )];
        }
    };
    let keys = KeyRing::algorithms_in(&config.keys.directory).unwrap_or_default();
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
async fn running_server(config: &Config) -> Finding {
    const CHECK: &str = "server";
    const REPAIR: &str = "start it with `careconnect-auth serve`, and read its log";
    let Some(issuer) = &config.issuer else {
        return Finding::failure(CHECK, "there is no issuer to look for", "set `issuer`");
    };
    let origin = format!("https://localhost:{}", config.listen.port());
    let metadata_url = format!("{origin}{}/.well-known/oauth-authorization-server", issuer.path());
    let asked = async {
        let address = if config.listen.ip().is_unspecified() {
            ([127, 0, 0, 1], config.listen.port()).into()
        } else {
            config.listen
        };
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(4))
            .tls_danger_accept_invalid_certs(true)
            .resolve("localhost", address)
            .build()?;
        let response = client.get(format!("{origin}/health/ready")).send().await?;
        let (status, health) = (response.status(), response.json::<Value>().await?);
        let metadata = client.get(metadata_url).send().await?.json::<Value>().await?;
        anyhow::Ok((status, health, metadata["issuer"].as_str().unwrap_or_default().to_owned()))
    };
    match asked.await {
        Ok((.., other)) if other != issuer.as_str() => {
            let detail = format!("another server answers on {}: its issuer is {other:?}", config.listen);
            Finding::failure(CHECK, detail, "stop the other one, or change `listen`")
        }
        Ok((status, health, _)) => {
            let said = health["status"].as_str().unwrap_or("nothing").to_owned();
            match said.as_str() {
                "ready" if status.is_success() => Finding::ok(CHECK, "ready"),
                "degraded" => Finding::warning(CHECK, "degraded: the database is out of reach", "see the database"),
                _ => Finding::failure(CHECK, format!("it says {said} ({status})"), REPAIR),
            }
        }
        Err(error) => Finding::failure(CHECK, format!("it does not answer on {}: {error:#}", config.listen), REPAIR),
    }
}

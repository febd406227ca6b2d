//! `cert inspect` and `cert verify`: what the server sees in a client certificate, and how it judges one.

use std::{
    fs,
    io::{self, Read, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use serde_json::{Value, json};

use super::certificate_report::CertificateReport;
use crate::{
    authentication::client_trust::{ClientTrust, PemFile, TrustProblem},
    clock::{Clock, SystemClock, UnixTime},
};

/// Standard input of `cert verify`, and files of `cert inspect`, are read up to this size.
const MAX_INPUT: u64 = 16 * 1024 * 1024;
const REFUSED: u8 = 1;
const UNUSABLE: u8 = 2;

/// Work with client certificates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CertCommand {
    /// Show what a certificate says, and by what it can be registered.
    Inspect {
        /// The certificate, in PEM or DER; of several the first is shown.
        file: PathBuf,
    },
    /// Judge a client certificate chain as the listener would.
    ///
    /// Reads {"roots":[pem],"chain":[leaf pem, …],"time":unix|null,"crls":[pem],"max_depth":n|null} from standard input.
    /// Exit code 0: accepted, 1: refused, 2: the input cannot be used.
    Verify,
}

/// Runs `command`; an error is a set-up error.
pub(crate) fn run(command: CertCommand, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        CertCommand::Inspect { file } => inspect(&file, json),
        CertCommand::Verify => verify(),
    }
}

fn inspect(file: &PathBuf, json: bool) -> anyhow::Result<ExitCode> {
    let name = file.display();
    let mut content = Vec::new();
    let opened = fs::File::open(file).with_context(|| format!("{name} cannot be read"))?;
    opened.take(MAX_INPUT).read_to_end(&mut content).with_context(|| format!("{name} cannot be read"))?;
    let der = if content.starts_with(&[0x30]) {
        CertificateDer::from(content)
    } else {
        CertificateDer::from_pem_slice(&content)
            .with_context(|| format!("{name}: expected a certificate in PEM or DER"))?
    };
    let report = CertificateReport::of(der).with_context(|| format!("{name} is no usable certificate"))?;
    if json { print(&serde_json::to_string_pretty(&report)?) } else { print(report.to_string().trim_end()) }?;
    Ok(ExitCode::SUCCESS)
}

/// The question that `cert verify` answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    roots: Vec<String>,
    chain: Vec<String>,
    time: Option<i64>,
    #[serde(default)]
    crls: Vec<String>,
    max_depth: Option<usize>,
}

fn verify() -> anyhow::Result<ExitCode> {
    let mut input = Vec::new();
    io::stdin().take(MAX_INPUT).read_to_end(&mut input).context("standard input cannot be read")?;
    let answer = serde_json::from_slice(&input)
        .context("expected a JSON object with roots, chain, time, crls and max_depth")
        .and_then(|question| answer(&question));
    let (line, code) = match answer {
        Ok(None) => (json!({ "verdict": "accept" }), ExitCode::SUCCESS),
        Ok(Some(reason)) => (json!({ "verdict": "reject", "reason": reason }), ExitCode::from(REFUSED)),
        Err(error) => (json!({ "error": format!("{error:#}") }), ExitCode::from(UNUSABLE)),
    };
    print(&Value::to_string(&line))?;
    Ok(code)
}

/// The reason of a refusal, or none.
fn answer(question: &Question) -> anyhow::Result<Option<&'static str>> {
    if question.roots.is_empty() {
        bail!("roots: expected at least one certificate in PEM, received none");
    }
    let trust = match ClientTrust::from_pem(&pem_files("roots", &question.roots), &pem_files("crls", &question.crls)) {
        Ok(trust) => trust.with_max_intermediates(question.max_depth),
        // The listener would not start with it; what it vouches for is refused.
        Err(error) if matches!(error.problem, TrustProblem::Unusable { .. }) => return Ok(Some("unusable_trust")),
        Err(error) => return Err(error.into()),
    };
    let now = question.time.map_or_else(|| SystemClock.now(), UnixTime);
    let chain = question.chain.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()));
    let Ok(chain) = chain.collect::<Result<Vec<_>, _>>() else { return Ok(Some("malformed")) };
    Ok(trust.judge(&chain, now).err().map(|refusal| refusal.reason()))
}

fn pem_files<'a>(name: &'a str, contents: &'a [String]) -> Vec<PemFile<'a>> {
    contents.iter().map(|content| PemFile { name, content: content.as_bytes() }).collect()
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{text}").context("standard output cannot be written")
}

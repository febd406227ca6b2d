//! `cert inspect` and `cert verify`: what the server sees in a client certificate, and how it judges one.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use serde_json::json;

use super::{
    blocked_certificate::{self, Which},
    certificate_file::{self, MAX_INPUT},
    certificate_report::CertificateReport,
    output::{self, BadInput, REFUSED, USAGE},
    session::{Session, block_on},
};
use crate::{
    authentication::{
        chain_refusal::ChainRefusal,
        client_trust::{ClientTrust, PemFile, TrustProblem},
        peer::PeerCertificate,
    },
    clock::{Clock, SystemClock, UnixTime},
    config::Config,
    server::revocation_fetch::trust_at_start,
};

/// Work with client certificates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CertCommand {
    /// Show what a certificate says, and by what it can be registered.
    Inspect {
        /// The certificate, in PEM or DER; of several the first is shown.
        file: PathBuf,
    },
    /// Judge a client certificate chain as the listener would, now; exit code 0 accepted, 1 refused, 2 unusable input.
    ///
    /// Without FILE it reads {"roots":[pem],"chain":[leaf pem, …],"time":unix|null,"crls":[pem],"max_depth":n|null} from
    /// standard input, and prints one line of JSON: {"verdict":"accept"} or {"verdict":"reject","reason":CODE}.
    Verify {
        /// The client's certificate, then those of its issuers, in PEM.
        file: Option<PathBuf>,
        /// An authority to trust, in PEM, instead of those in the configuration, whose lists are fetched. Repeatable.
        #[arg(long, value_name = "PEM", requires = "file")]
        authorities: Vec<PathBuf>,
    },
    /// Refuse a certificate from now on, whatever its authority says of it: everywhere within a second, also on
    /// connections that are open. Of one that signs itself, end the credential instead: its holder can sign another.
    Block {
        #[command(flatten)]
        which: Which,
        /// Why.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Block a certificate no longer.
    Unblock {
        #[command(flatten)]
        which: Which,
    },
    /// List the certificates that are blocked.
    Blocked,
}

/// Runs `command`; an error is a set-up error.
pub(crate) fn run(command: CertCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        CertCommand::Inspect { file } => inspect(&file, session),
        CertCommand::Verify { file: Some(file), authorities } => verify_file(&file, &authorities, session),
        CertCommand::Verify { file: None, .. } => verify(),
        CertCommand::Block { which, note } => blocked_certificate::block(which, note, session),
        CertCommand::Unblock { which } => blocked_certificate::unblock(which, session),
        CertCommand::Blocked => {
            session.with_database(async |database| blocked_certificate::list(&database, session).await)
        }
    }
}

fn inspect(file: &Path, session: &Session) -> anyhow::Result<ExitCode> {
    let der = certificate_file::chain_in(file)?.swap_remove(0);
    let report = CertificateReport::of(der, session.now())
        .with_context(|| format!("{} is no usable certificate", file.display()))?;
    if session.json { output::json(&report) } else { output::line(report.to_string().trim_end()) }?;
    Ok(ExitCode::SUCCESS)
}

fn verify_file(file: &Path, authorities: &[PathBuf], session: &Session) -> anyhow::Result<ExitCode> {
    let loaded = session.load_config()?;
    let trust = if authorities.is_empty() {
        configured_trust(&loaded.config)?
    } else {
        let names: Vec<_> = authorities.iter().map(|authority| authority.display().to_string()).collect();
        let contents =
            authorities.iter().map(|authority| certificate_file::read(authority)).collect::<Result<Vec<_>, _>>()?;
        let anchors = names.iter().zip(&contents).map(|(name, content)| PemFile { name, content }).collect::<Vec<_>>();
        ClientTrust::from_pem(&anchors, &[])?
    };
    let chain = certificate_file::chain_in(file)?;
    let refusal = trust.judge(&chain, session.now()).err();
    let reason = refusal.as_ref().map(ChainRefusal::reason);
    let is_self_issued = PeerCertificate::parse(chain).is_ok_and(|certificate| certificate.is_self_issued());
    let hint = if is_self_issued { "; self-signed, it counts only where its thumbprint is registered" } else { "" };
    let detail = refusal.as_ref().map(|refusal| format!("{refusal}{hint}"));
    if session.json {
        let verdict = if refusal.is_none() { "accept" } else { "reject" };
        output::json(&json!({ "verdict": verdict, "reason": reason, "detail": detail }))?;
    } else {
        output::line(&match reason.zip(detail) {
            None => "accepted".to_owned(),
            Some((reason, detail)) => format!("refused ({reason}): {detail}"),
        })?;
    }
    Ok(ExitCode::from(if refusal.is_none() { 0 } else { REFUSED }))
}

fn configured_trust(config: &Config) -> anyhow::Result<ClientTrust> {
    let authorities = config.tls.all_client_authorities();
    if authorities.is_empty() {
        let sentence = "there is no authority to trust: name one with --authorities, or in tls.client_ca_files";
        return Err(BadInput(sentence.to_owned()).into());
    }
    let (trust, failures) = block_on(trust_at_start(&authorities))?;
    for (authority, url, failure) in failures {
        output::note(&format!("the list {url} of {authority} {failure}"));
    }
    Ok(trust)
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
        Err(error) => (json!({ "error": format!("{error:#}") }), ExitCode::from(USAGE)),
    };
    output::line(&line.to_string())?;
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

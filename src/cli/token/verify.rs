//! `token verify`: one verdict about one token, as one line of JSON.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use careconnect_verifier::{
    Algorithm, CertificateThumbprint, FixedKeys, Group, InvalidOptions, KeySet, Presented, Rejection, TokenVerifier,
    VerifiedToken,
};
use clap::Args;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Serialize;

use super::super::output;
use crate::clock::{Clock, SystemClock};

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Judge many: one JSON object a line on standard input, one verdict a line on standard output, in the same order.
    #[arg(long, exclusive = true)]
    pub(super) batch: bool,
    /// The issuer's key set.
    #[arg(long, value_name = "FILE", required_unless_present = "batch")]
    jwks: Option<PathBuf>,
    /// The trusted issuer, compared whole.
    #[arg(long, value_name = "URL", required_unless_present = "batch")]
    issuer: Option<String>,
    /// The provider's service root, compared whole.
    #[arg(long, value_name = "URL", required_unless_present = "batch")]
    audience: Option<String>,
    /// The time, in Unix seconds [default: this machine's].
    #[arg(long, value_name = "UNIX", allow_negative_numbers = true)]
    now: Option<i64>,
    /// Allow for clocks that differ by so much; a provider's verifier allows for 5 unless told otherwise.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    leeway: u32,
    /// Say with a refusal, as `detail`, what was expected and what came.
    #[arg(long)]
    explain: bool,
    /// Require a group; all of them if repeated.
    #[arg(long = "require-group", value_name = "URN")]
    require_groups: Vec<Group>,
    /// Allow an algorithm, instead of ES256 and RS256; repeatable.
    #[arg(long = "alg", value_name = "NAME")]
    algorithms: Vec<Algorithm>,
    /// The caller's TLS certificate, for tokens that are bound to one.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Refuse tokens that are not bound to a certificate.
    #[arg(long)]
    require_cnf: bool,
    /// The system that the Ssp-From header names.
    #[arg(long, value_name = "ASID")]
    ssp_from: Option<String>,
}

/// All that a verdict depends on, besides token and keys.
pub(super) struct Circumstances {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) now: i64,
    pub(super) leeway: u32,
    pub(super) require_groups: Vec<Group>,
    /// Empty: the verifier's own choice.
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) certificate: Option<CertificateThumbprint>,
    pub(super) require_cnf: bool,
    pub(super) ssp_from: Option<String>,
}

pub(super) fn run(arguments: VerifyArguments) -> anyhow::Result<ExitCode> {
    let jwks = read(arguments.jwks.as_deref().unwrap_or(Path::new("")))?;
    let certificate = arguments.cert.as_deref().map(read_certificate).transpose()?;
    let mut token = Vec::new();
    io::stdin().read_to_end(&mut token).context("the token on standard input cannot be read")?;
    let circumstances = Circumstances {
        issuer: arguments.issuer.unwrap_or_default(),
        audience: arguments.audience.unwrap_or_default(),
        now: arguments.now.unwrap_or_else(|| SystemClock.now().0),
        leeway: arguments.leeway,
        require_groups: arguments.require_groups,
        algorithms: arguments.algorithms,
        certificate,
        require_cnf: arguments.require_cnf,
        ssp_from: arguments.ssp_from,
    };
    match KeySet::parse(&jwks) {
        Ok(keys) => {
            let verdict = judge(&token, keys, circumstances);
            report(verdict.map_err(|invalid| output::BadInput(invalid.to_string()))?, arguments.explain)
        }
        Err(invalid) => report(Err(invalid.into()), arguments.explain),
    }
}

/// The verdict of a verifier with these options; the outer error is for options that no verifier can have.
pub(super) fn judge(
    token: &[u8],
    keys: KeySet,
    circumstances: Circumstances,
) -> Result<Result<VerifiedToken, Rejection>, InvalidOptions> {
    let Circumstances { issuer, audience, now, leeway, require_groups, algorithms, certificate, require_cnf, ssp_from } =
        circumstances;
    let mut builder = TokenVerifier::for_issuer(issuer)
        .audience(audience)
        .keys(FixedKeys::new(keys))
        .leeway(leeway)
        .clock(move || now);
    if !algorithms.is_empty() {
        builder = builder.algorithms(&algorithms);
    }
    if require_cnf {
        builder = builder.require_certificate_binding();
    }
    let verifier = builder.build()?;
    let mut presented = Presented::new(token);
    if let Some(certificate) = certificate {
        presented = presented.with_certificate(certificate);
    }
    if let Some(asid) = &ssp_from {
        presented = presented.from_system(asid);
    }
    Ok(verifier.verify_offline(presented).and_then(|verified| {
        require_groups.iter().try_for_each(|group| verified.require(group))?;
        Ok(verified)
    }))
}

/// The thumbprint of the first certificate in a PEM text.
pub(super) fn certificate(pem: &[u8]) -> Option<CertificateThumbprint> {
    CertificateDer::from_pem_slice(pem).ok().map(|der| CertificateThumbprint::of_der(&der))
}

#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
enum Verdict<'a> {
    Accept {
        claims: Claims<'a>,
    },
    Reject {
        reason: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
}

#[derive(Serialize)]
struct Claims<'a> {
    ods: &'a str,
    org_type: &'a str,
    asid: &'a str,
    groups: &'a [Group],
    sub: &'a str,
    exp: i64,
}

fn report(outcome: Result<VerifiedToken, Rejection>, explain: bool) -> anyhow::Result<ExitCode> {
    match outcome {
        Ok(verified) => {
            let claims = Claims {
                ods: verified.ods_code().as_str(),
                org_type: verified.organisation_type().as_str(),
                asid: verified.asid().as_str(),
                groups: verified.groups(),
                sub: &verified.claims().sub,
                exp: verified.expires_at(),
            };
            output::json(&Verdict::Accept { claims })?;
            Ok(ExitCode::SUCCESS)
        }
        Err(rejection) => {
            let detail = explain.then(|| rejection.to_string());
            output::json(&Verdict::Reject { reason: rejection.reason(), detail })?;
            Ok(ExitCode::from(output::REFUSED))
        }
    }
}

pub(in crate::cli) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|error| output::BadInput(format!("{} cannot be read: {error}", path.display())).into())
}

fn read_certificate(path: &Path) -> anyhow::Result<CertificateThumbprint> {
    let pem = read(path)?;
    certificate(&pem).ok_or_else(|| {
        output::BadInput(format!("{} holds no certificate: expected PEM with BEGIN CERTIFICATE", path.display())).into()
    })
}

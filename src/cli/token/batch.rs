//! `token verify --batch`: a verdict for every line, whatever the line holds.

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use anyhow::Context;
use careconnect_verifier::{Algorithm, Group, KeySet, PublicKey, Rejection};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::verify::{self, Circumstances};

/// The reason of a line that asks nothing that can be answered.
const UNANSWERABLE: &str = "malformed";

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Question {
    /// A signature over bytes.
    #[serde(rename = "raw")]
    Raw { alg: String, jwk: Value, msg_hex: String, sig_hex: String },
    /// The signature of a compact JWS, whatever its payload.
    #[serde(rename = "jws")]
    Jws { jws: String, jwk: Value },
}

#[derive(Deserialize)]
struct TokenQuestion {
    token: Option<String>,
    token_hex: Option<String>,
    jwks: Value,
    issuer: String,
    audience: String,
    now: i64,
    options: Option<Options>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    leeway: Option<u32>,
    require_groups: Option<Vec<Group>>,
    algs: Option<Vec<Algorithm>>,
    cert_pem: Option<String>,
    require_cnf: Option<bool>,
    ssp_from: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    id: Value,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let (mut input, mut output) = (io::stdin().lock(), io::BufWriter::new(io::stdout().lock()));
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).context("standard input cannot be read")? > 0 {
        serde_json::to_writer(&mut output, &answer(&line))?;
        output.write_all(b"\n")?;
        line.clear();
    }
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn answer(line: &[u8]) -> Answer {
    match verdict(line) {
        Ok(()) => Answer { id: id(line), verdict: "accept", reason: None },
        Err(reason) => Answer { id: id(line), verdict: "reject", reason: Some(reason) },
    }
}

fn verdict(line: &[u8]) -> Result<(), &'static str> {
    let members: Value = serde_json::from_slice(line).map_err(|_| UNANSWERABLE)?;
    if members.get("kind").is_none() {
        return token_verdict(serde_json::from_value(members).map_err(|_| UNANSWERABLE)?);
    }
    match serde_json::from_value(members).map_err(|_| UNANSWERABLE)? {
        Question::Raw { alg, jwk, msg_hex, sig_hex } => {
            let algorithm = Algorithm::parse(&alg).map_err(|_| "unsupported_alg")?;
            let (message, signature) = from_hex(&msg_hex).zip(from_hex(&sig_hex)).ok_or(UNANSWERABLE)?;
            let checked = public_key(&jwk)?.verify_signature(algorithm, &message, &signature);
            checked.map_err(|rejection| rejection.reason())
        }
        Question::Jws { jws, jwk } => {
            public_key(&jwk)?.verify_jws(jws.as_bytes()).map(|_| ()).map_err(|rejection| rejection.reason())
        }
    }
}

fn token_verdict(question: TokenQuestion) -> Result<(), &'static str> {
    let Options { leeway, require_groups, algs, cert_pem, require_cnf, ssp_from } =
        question.options.unwrap_or_default();
    let certificate = match cert_pem {
        Some(pem) => Some(verify::certificate(pem.as_bytes()).ok_or(UNANSWERABLE)?),
        None => None,
    };
    let token = match (question.token, question.token_hex) {
        (Some(token), None) => token.into_bytes(),
        (None, Some(hex)) => from_hex(&hex).ok_or(UNANSWERABLE)?,
        _ => return Err(UNANSWERABLE),
    };
    let circumstances = Circumstances {
        issuer: question.issuer,
        audience: question.audience,
        now: question.now,
        leeway: leeway.unwrap_or(0),
        require_groups: require_groups.unwrap_or_default(),
        algorithms: algs.unwrap_or_default(),
        certificate,
        require_cnf: require_cnf.unwrap_or(false),
        ssp_from,
    };
    let keys = KeySet::parse(question.jwks.to_string().as_bytes())
        .map_err(|invalid| Rejection::InvalidKeySet(invalid).reason())?;
    let verdict = verify::judge(&token, keys, circumstances).map_err(|_| UNANSWERABLE)?;
    verdict.map(|_| ()).map_err(|rejection| rejection.reason())
}

fn public_key(jwk: &Value) -> Result<PublicKey, &'static str> {
    PublicKey::from_jwk(jwk.to_string().as_bytes())
        .map_err(|problem| Rejection::UnusableKey { key_id: String::new(), problem }.reason())
}

/// The line's `id`, even of a line that is no JSON further on; null if it has none.
fn id(line: &[u8]) -> Value {
    let line = String::from_utf8_lossy(line);
    let value = line.split_once("\"id\"").and_then(|(_, rest)| rest.trim_start().strip_prefix(':'));
    let first = value.and_then(|rest| serde_json::Deserializer::from_str(rest).into_iter().next());
    first.and_then(Result::ok).unwrap_or_default()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |[high, low]: &[u32; 2]| u8::try_from(high * 16 + low).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

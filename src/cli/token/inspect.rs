//! `token inspect`: a token in words, for people who wonder why it is refused.

use std::{
    io::{self, Read},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use careconnect_verifier::{KeySet, Rejection, UnverifiedText};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{super::output, verify};

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The token [default: standard input].
    token: Option<String>,
    /// Check the signature with this key set; exit code 1 if it does not match.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
}

/// What the parts of a token mean, in the order in which they are shown.
const MEANINGS: [(&str, &str); 23] = [
    ("alg", "signature algorithm"),
    ("typ", "kind of token"),
    ("kid", "id of the signing key"),
    ("iss", "issuer"),
    ("sub", "consumer's accredited system"),
    ("aud", "provider that it is for"),
    ("iat", "issued"),
    ("nbf", "valid from"),
    ("exp", "ends"),
    ("jti", "id of the token"),
    ("client_id", "consumer's registration"),
    ("scope", "groups as SMART scopes"),
    ("asid", "accredited system identifier"),
    ("ods_code", "organisation"),
    ("org_type", "type of the organisation"),
    ("groups", "what the consumer may do"),
    ("requesting_system", "as sub, for Spine parsers"),
    ("requesting_organization", "as ods_code, for Spine parsers"),
    ("reason_for_request", "purpose"),
    ("cnf", "certificate that it is bound to"),
    ("appid", "as client_id, for Entra parsers"),
    ("appidacr", "how the consumer authenticated, for Entra parsers: 1 by secret, 2 by certificate"),
    ("ver", "version, for Entra parsers"),
];

pub(super) fn run(arguments: InspectArguments, json: bool) -> anyhow::Result<ExitCode> {
    let token = match arguments.token {
        Some(token) => token.into_bytes(),
        None => {
            let mut token = Vec::new();
            io::stdin().read_to_end(&mut token).context("the token on standard input cannot be read")?;
            token
        }
    };
    let token = token.trim_ascii();
    let text = UnverifiedText::read(token).map_err(|rejection| output::BadInput(rejection.to_string()))?;
    let (header, claims) = (members("header", &text.header)?, members("payload", &text.payload)?);
    let vouched_for = arguments.jwks.as_deref().map(verify::read).transpose()?;
    let vouched_for = vouched_for.map(|jwks| check_signature(token, &header, &jwks));
    let (verified, reason, detail) = match &vouched_for {
        None => (false, Some("no_key_set"), "no key set was given, so anybody may have written this".to_owned()),
        Some(Err(rejection)) => (false, Some(rejection.reason()), rejection.to_string()),
        Some(Ok(())) => (
            true,
            None,
            "the signature is a key's of the given set (times, issuer and audience are not judged)".to_owned(),
        ),
    };
    if json {
        output::json(&json!({
            "verified": verified, "reason": reason, "detail": detail, "header": header, "claims": claims,
        }))?;
    } else {
        output::line(&format!("{}: {detail}", if verified { "verified" } else { "unverified" }))?;
        show(&header)?;
        output::line("")?;
        show(&claims)?;
    }
    Ok(if verified || vouched_for.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn members(part: &str, json: &str) -> anyhow::Result<Map<String, Value>> {
    serde_json::from_str(json).map_err(|_| output::BadInput(format!("the {part} is no JSON object")).into())
}

fn check_signature(token: &[u8], header: &Map<String, Value>, jwks: &[u8]) -> Result<(), Rejection> {
    let key_id = header.get("kid").and_then(Value::as_str).unwrap_or_default();
    KeySet::parse(jwks)?.find(key_id)?.verify_jws(token).map(|_| ())
}

/// Known members first and explained, the rest as it is.
fn show(members: &Map<String, Value>) -> anyhow::Result<()> {
    for (name, meaning) in MEANINGS {
        if let Some(value) = members.get(name) {
            output::line(&format!("{name:23}  {}  ({meaning})", readable(name, value)))?;
        }
    }
    let is_known = |name: &str| MEANINGS.iter().any(|(known, _)| *known == name);
    for (name, value) in members.iter().filter(|(name, _)| !is_known(name)) {
        output::line(&format!("{:23}  {}", name.escape_debug().to_string(), readable(name, value)))?;
    }
    Ok(())
}

/// A value on one line. Escaped, so that a forged token cannot speak to the terminal.
fn readable(name: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(|item| readable("", item)).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let time = match name {
        "iat" | "nbf" | "exp" => value.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok()),
        _ => None,
    };
    match time {
        Some(time) => format!("{text}  {time}"),
        None => text.escape_debug().to_string(),
    }
}

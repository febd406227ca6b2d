//! `doctor assertion`: would this assertion prove its client, and if not, which check fails?

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    rehearsal::Rehearsal,
    verdict::{Check, ProofVerdict},
};
use crate::{
    authentication::{client_assertion, client_trust::ClientTrust, key_sets::KeySetState},
    cli::{
        certificate_file::read_or_stdin,
        output::BadInput,
        session::{Session, block_on},
        time_argument::time,
    },
    clock::UnixTime,
    config::LoadedConfig,
    domain::{
        ConsumerSystem, PresentedCredential, Refusal, TokenRequestError, presented_credential::JWT_BEARER,
        token_request::proof_in,
    },
    operations::authenticate_consumer::{not_authenticated, not_recorded},
    replay::ReplayRefused,
};

#[derive(Debug, Args)]
pub(super) struct AssertionArguments {
    /// The assertion, or a form with `client_assertion` in it; `-` for standard input.
    file: PathBuf,
    /// The parameter `client_id` of the request, where the file has none.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Judge it as of this time, such as 2027-04-01T12:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<UnixTime>,
}

const READ: &str = "assertion_malformed";
const REPLAYED: &str = "assertion_replayed";

fn order() -> Vec<Check> {
    let read = [(READ, "the assertion can be read")];
    let own = client_assertion::CHECKS.map(|(reason, meaning)| (reason.name(), meaning));
    let last = [("consumer_suspended", "the registration is active"), (REPLAYED, "the 'jti' has not been used before")];
    read.into_iter().chain(own).chain(last).collect()
}

pub(super) fn run(arguments: &AssertionArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let body = form_with(&read_or_stdin(&arguments.file)?, &arguments.file, arguments.client_id.as_deref())?;
    let (loaded, now) = (session.load_config()?, arguments.at.unwrap_or_else(|| session.now()));
    block_on(judge(&loaded, &body, now))?.print(session.json)
}

/// The form that a request with this assertion would have.
fn form_with(content: &[u8], file: &Path, client_id: Option<&str>) -> Result<Vec<u8>, BadInput> {
    let text = content.trim_ascii();
    let is_in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(byte);
    let is_assertion = text.iter().filter(|byte| **byte == b'.').count() == 2 && text.iter().all(is_in_token);
    let mut form = if text.split(|byte| *byte == b'&').any(|pair| pair.starts_with(b"client_assertion=")) {
        text.to_vec()
    } else if is_assertion {
        [format!("client_assertion_type={JWT_BEARER}&client_assertion=").as_bytes(), text].concat()
    } else {
        let (file, length) = (file.display(), text.len());
        let expected = "a compact JWT, three parts of base64url joined by dots, or a form with client_assertion";
        return Err(BadInput(format!("{file}: expected {expected}; received {length} bytes that are neither")));
    };
    if let Some(client_id) = client_id {
        form.extend(format!("&client_id={}", utf8_percent_encode(client_id, NON_ALPHANUMERIC)).into_bytes());
    }
    Ok(form)
}

async fn judge(loaded: &LoadedConfig, form: &[u8], now: UnixTime) -> anyhow::Result<ProofVerdict> {
    let order = order();
    let no_certificates = ClientTrust::new(Vec::new(), Arc::new(|_, _| false))?;
    let rehearsal = Rehearsal::prepare(loaded, no_certificates, now).await?;
    let (client_id, credential) = match proof_in(form) {
        Ok((client_id, credential @ PresentedCredential::Assertion(_))) => (client_id, credential),
        Ok(_) => return Err(BadInput("the client_assertion of the form is empty".to_owned()).into()),
        Err(TokenRequestError::Form(fault)) => return Err(BadInput(fault.to_string()).into()),
        Err(error) => return Ok(ProofVerdict::refused(&order, READ, &error.into(), now)),
    };
    let registered = client_id.as_deref().and_then(|client_id| rehearsal.registry.consumer(client_id));
    let notes = fetch_keys(&rehearsal, registered.as_deref()).await;
    let proven = rehearsal.authenticate(client_id, credential, registered.clone(), None).await;
    let proven = match proven.map_err(not_authenticated) {
        Ok(requester) => unless_used(&rehearsal, requester.assertion_use()).await?.map(|()| requester),
        Err(refusal) => Err(refusal),
    };
    let mut verdict = match &proven {
        Ok(requester) => ProofVerdict::proven(&order, requester, now),
        Err(refusal) => ProofVerdict::refused(&order, stage(refusal, &order), refusal, now),
    };
    verdict.notes = notes;
    Ok(verdict.of(registered.as_deref()))
}

/// Where in `order` a refusal belongs: by its reason, for of an unknown consumer, and of an unknown key, the reason is one.
fn stage(refusal: &Refusal, order: &[Check]) -> &'static str {
    let reason = refusal.reason.name();
    let check = refusal.check.as_deref().map_or(reason, |failed| failed.check);
    if order.iter().any(|(name, _)| *name == reason) { reason } else { check }
}

/// Looks whether the assertion was used; it is not used up by that.
async fn unless_used(
    rehearsal: &Rehearsal,
    once: Option<client_assertion::AssertionUse>,
) -> anyhow::Result<Result<(), Refusal>> {
    let Some(once) = once else { return Ok(Ok(())) };
    let is_known = rehearsal.registry.database().knows_assertion_id(once.id).await?;
    Ok(if is_known { Err(not_recorded(ReplayRefused::Replayed)) } else { Ok(()) })
}

/// Fetches the keys that the consumer publishes; says of each set how that went.
async fn fetch_keys(rehearsal: &Rehearsal, consumer: Option<&ConsumerSystem>) -> Vec<String> {
    let sets = &rehearsal.authenticator.key_sets;
    let uris = consumer.into_iter().flat_map(|consumer| consumer.key_sets_at(rehearsal.now));
    sets.fetch_once(uris.map(|(_, uri)| uri.clone())).await;
    let outcome = |KeySetState { uri, fetched, error, .. }: KeySetState| match (fetched, error) {
        (Some(fetched), _) => {
            let (keys, set_aside) = (fetched.contents.keys.len(), fetched.contents.set_aside.len());
            format!("the key set at {uri} has {keys} keys; {set_aside} more cannot be used")
        }
        (None, error) => {
            let why = error.unwrap_or_else(|| "unknown".to_owned());
            format!("the key set at {uri} cannot be fetched from here, so its keys are not known: {why}")
        }
    };
    sets.state().into_iter().map(outcome).collect()
}

//! `careconnect-auth explain`: what became of one token request, from the issuance record.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{output, session::Session};
use crate::{
    config::Record,
    domain::catalogue,
    record::{Entry, Outcome, RecordedCheck, find},
};

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The number in the answer: `trace_id` of an error, or the header `X-Trace-Id`; or the `jti` of a token.
    trace_id: Uuid,
}

/// Exit code 1 when the record has no such request.
pub(super) fn run(arguments: &ExplainArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let Record { directory, keep_days, .. } = session.load_config()?.config.record;
    let cannot = || format!("the issuance record in {} cannot be read", directory.display());
    let Some(entry) = find(&directory, arguments.trace_id).with_context(cannot)? else {
        output::note(&not_found(arguments.trace_id, &directory, keep_days.get()));
        return Ok(ExitCode::from(output::REFUSED));
    };
    let advice = advice(&entry.outcome);
    if session.json {
        let mut explained = serde_json::to_value(&entry)?;
        if let (Value::Object(members), Some(advice)) = (&mut explained, advice) {
            members.insert("advice".to_owned(), json!(advice));
        }
        output::json(&explained)?;
    } else {
        output::fields(&fields(&entry))?;
        advice.map_or(Ok(()), |advice| output::line(&format!("\n{advice}")))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn not_found(trace_id: Uuid, directory: &Path, keep_days: usize) -> String {
    let kept = match keep_days {
        0 => "for ever".to_owned(),
        days => format!("for {days} days"),
    };
    format!(
        "no token request has the trace id {trace_id} in {}, where lines are kept {kept} (record.keep_days); another node \
         has a record of its own, and requests for other paths are in the log only",
        directory.display()
    )
}

/// What the catalogue says of the check that failed, or of the reason.
fn advice(outcome: &Outcome) -> Option<&'static str> {
    let Outcome::Refused { reason, check, .. } = outcome else { return None };
    let of_check = check.as_ref().and_then(|failed| catalogue::advice(&failed.check));
    of_check.or_else(|| catalogue::advice(reason))
}

fn fields(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut fields = vec![("time", entry.time.to_string()), ("address", entry.address.to_string())];
    let known = [("client_id", &entry.client_id), ("certificate", &entry.certificate), ("audience", &entry.audience)];
    fields.extend(known.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    match &entry.outcome {
        Outcome::Issued { asid, ods_code, method, credential, groups, token_id, expires_at } => {
            fields.push(("answer", "200, a token".to_owned()));
            fields.extend([("asid", asid.clone()), ("ods_code", ods_code.clone()), ("method", method.clone())]);
            fields.push(("credential", credential.to_string()));
            fields.extend([("groups", groups.join(" ")), ("token_id", token_id.to_string())]);
            fields.push(("expires_at", expires_at.to_string()));
        }
        Outcome::Refused { status, error, reason, description, detail, check } => {
            fields.push(("answer", format!("{status} {error}, {reason}: {description}")));
            fields.extend(detail.iter().map(|detail| ("detail", detail.clone())));
            if let Some(RecordedCheck { check, expected, received }) = check {
                fields.extend([
                    ("check", check.clone()),
                    ("expected", expected.clone()),
                    ("received", received.clone()),
                ]);
            }
        }
    }
    fields
}

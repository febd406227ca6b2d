//! Records of the audit of changes, as people read them.

use std::{io::Write, process::ExitCode};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    cli::{
        output::{self, BadInput},
        session::Session,
    },
    domain::{ChainedRecord, Registered, SigningKeyRecord},
    operations::export_audit::export_audit,
    storage::StorageError,
    telemetry::legible,
};

/// The JSON of a record, with its hash.
pub(super) fn document(record: &ChainedRecord) -> Value {
    let mut document = serde_json::from_str(&record.record).unwrap_or_else(|_| json!({ "sequence": record.sequence }));
    document["hash"] = record.hash.as_str().into();
    document
}

/// One line for people.
pub(super) fn one_line(record: &ChainedRecord) -> String {
    let document = document(record);
    let said = |member: &Value| legible(member.as_str().unwrap_or("-"));
    let (number, time) = (record.sequence, record.at);
    let (actor, via) = (said(&document["actor"]["name"]), said(&document["actor"]["via"]));
    let (action, identifier) = (said(&document["action"]), identifier_of(&document));
    let why = match document["refusal"].as_str() {
        Some(refusal) => format!("REFUSED: {}", legible(refusal)),
        None => said(&document["reason"]),
    };
    format!("{number}  {time}  {actor} ({via})  {action}  {identifier}  {why}")
}

/// `audit show`: one record, with what it changed.
pub(super) fn show(sequence: i64, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        let next = database.read_audit(sequence.saturating_sub(1), 1).await?;
        let record = next.into_iter().find(|record| record.sequence == sequence);
        let record = record.ok_or_else(|| StorageError::not_found("record of the audit", sequence))?;
        let document = document(&record);
        if session.json {
            output::json(&document)?;
            return Ok(ExitCode::SUCCESS);
        }
        let names = ["time", "action", "identifier", "outcome", "reason", "refusal", "trace_id", "hash"];
        let actor = format!("{} ({})", document["actor"]["name"], document["actor"]["via"]).replace('"', "");
        let mut fields = vec![("actor", legible(&actor))];
        fields.extend(names.into_iter().filter_map(|name| {
            let text = document[name].as_str()?;
            // A hash would be taken for a secret.
            Some((
                name,
                match name {
                    "hash" => text.to_owned(),
                    "identifier" => identifier_of(&document),
                    _ => legible(text),
                },
            ))
        }));
        output::fields(&fields)?;
        differences(&document["before"], &document["after"]).iter().try_for_each(|line| output::line(line))?;
        Ok(ExitCode::SUCCESS)
    })
}

/// `member: before → after` of each member that is not what it was.
fn differences(before: &Value, after: &Value) -> Vec<String> {
    let of =
        |side: &Value, name: &str| side.get(name).map_or_else(|| "-".to_owned(), |value| legible(&value.to_string()));
    let members = [before, after].into_iter().filter_map(Value::as_object).flat_map(|members| members.keys());
    let names: std::collections::BTreeSet<_> = members.collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| format!("{name}: {} → {}", of(before, name), of(after, name))).collect()
}

/// `audit export`: everything, for whoever verifies it elsewhere.
pub(super) fn export(file: &std::path::Path, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        let cannot = || format!("{} cannot be written", file.display());
        if file.exists() {
            return Err(BadInput(format!("{} is there already: name a new file", file.display())).into());
        }
        let mut to = std::io::BufWriter::new(std::fs::File::create_new(file).with_context(cannot)?);
        let written = export_audit(&database, &mut to).await;
        if written.is_err() {
            let _unfinished = std::fs::remove_file(file);
        }
        let records = written.with_context(cannot)?;
        to.flush().with_context(cannot)?;
        if session.json {
            output::json(&json!({ "records": records, "file": file }))?;
        } else {
            output::line(&format!("{records} records are in {}", file.display()))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// A key's id looks like a secret, and is none.
fn identifier_of(document: &Value) -> String {
    match (&document["subject"], document["identifier"].as_str()) {
        (subject, Some(kid)) if *subject == SigningKeyRecord::KIND && is_kid(kid) => kid.to_owned(),
        (_, identifier) => legible(identifier.unwrap_or("-")),
    }
}

/// The RFC 7638 thumbprint of a key, in its one spelling.
pub(super) fn is_kid(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_shown_member_by_member() {
        let (before, after) = (json!({ "a": 1, "b": ["x"], "c": null }), json!({ "a": 1, "b": [], "d": "new\n" }));
        assert_eq!(differences(&before, &after), ["b: [\"x\"] → []", "c: null → -", "d: - → \"new\\n\""]);
        assert_eq!(differences(&Value::Null, &json!({ "a": 1 })), ["a: - → 1"]);
    }
}

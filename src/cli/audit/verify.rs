//! `audit verify`: are issuance record and audit of changes as they were written?

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use careconnect_verifier::KeySet;
use clap::Args;
use serde_json::{Value, json};

use super::{
    Of, RecordDirectory, cannot_read,
    changes::is_kid,
    verify_changes::{verify_database, verify_file},
};
use crate::{
    cli::{
        examination, output,
        session::{Session, block_on, configured_database},
        token,
    },
    record::{CHANGES, KnownCheckpoint, Report, StreamReport, known_changes_file, read_known_changes, verify},
    signing,
    telemetry::legible,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArguments {
    /// Only this [default: both; of tokens alone where no database can be opened, which is said].
    #[arg(long, value_enum)]
    of: Option<Of>,
    /// Instead: a file that `audit export` wrote.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["of", "record_directory"])]
    changes_file: Option<PathBuf>,
    #[command(flatten)]
    directory: RecordDirectory,
    /// The issuer's key set, with the keys that signed then as `keys list --jwks` prints it [default: those in the database that the
    /// sealing key confirms].
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Hold the lines against each other only, not the checkpoints against keys.
    #[arg(long, conflicts_with = "jwks")]
    without_keys: bool,
    /// A checkpoint from the log, as the events `record_checkpoint` and `audit_checkpoint` have it: finds an end that was cut
    /// off. Repeatable.
    #[arg(long = "known", value_name = "STREAM:SEQUENCE:HASH")]
    known: Vec<KnownCheckpoint>,
}

/// What was found in one of the things that can be verified.
pub(super) struct Findings {
    pub(super) is_sound: bool,
    pub(super) json: Value,
    pub(super) lines: Vec<String>,
}

pub(super) fn run(arguments: VerifyArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let is_compared = |known: &&KnownCheckpoint| match (known.stream == CHANGES, &arguments.changes_file, arguments.of)
    {
        (true, ..) => arguments.of != Some(Of::Tokens),
        (false, file, of) => file.is_none() && of != Some(Of::Changes),
    };
    if let Some(unused) = arguments.known.iter().find(|known| !is_compared(known)) {
        return Err(output::BadInput(format!("--known {unused} is of what is not verified here")).into());
    }
    let keys = keys(&arguments, session)?;
    let mut found: Vec<(&str, Findings)> = Vec::new();
    if arguments.changes_file.is_none() && arguments.of != Some(Of::Changes) {
        found.push(("tokens", verify_tokens(&arguments, keys.as_ref(), session)?));
    }
    match (&arguments.changes_file, arguments.of) {
        (Some(file), _) => found.push(("changes", verify_file(file, keys.as_ref(), &arguments.known)?)),
        (None, Some(Of::Tokens)) => {}
        (None, of) => match verify_database(session, keys.as_ref(), &known_of_changes(&arguments, session)?)? {
            Ok(changes) => found.push(("changes", changes)),
            Err(error) if of.is_some() => return Err(error),
            Err(error) => output::note(&format!(
                "NOT VERIFIED: the audit of changes: {}; --of tokens leaves it out",
                output::sentence(&error)
            )),
        },
    }
    let is_sound = found.iter().all(|(_, findings)| findings.is_sound);
    if session.json {
        let mut json = json!({ "ok": is_sound });
        for (name, findings) in found {
            json[name] = findings.json;
        }
        output::json(&json)?;
    } else {
        found.iter().flat_map(|(_, findings)| &findings.lines).try_for_each(|line| output::line(line))?;
    }
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(output::REFUSED) })
}

/// What was said, and what a server of this machine has kept.
fn known_of_changes(arguments: &VerifyArguments, session: &Session) -> anyhow::Result<Vec<KnownCheckpoint>> {
    let directory = arguments.directory.of(session)?;
    let cannot = || format!("{} cannot be read", known_changes_file(&directory).display());
    let kept = read_known_changes(&directory).with_context(cannot)?;
    Ok(arguments.known.iter().cloned().chain(kept).collect())
}

/// The issuance record.
fn verify_tokens(arguments: &VerifyArguments, keys: Option<&KeySet>, session: &Session) -> anyhow::Result<Findings> {
    let directory = arguments.directory.of(session)?;
    let of_streams: Vec<_> = arguments.known.iter().filter(|known| known.stream != CHANGES).cloned().collect();
    let report = verify(&directory, keys, &of_streams).with_context(|| cannot_read(&directory))?;
    let mut lines: Vec<_> = report.streams.iter().map(|stream| one_line(stream, keys.is_some())).collect();
    if !report.unchained.is_empty() {
        let count = report.unchained.len();
        lines.push(format!("{count} files of an earlier release are not chained: nothing can be said of them"));
    }
    lines.extend(verdict(&report));
    Ok(Findings { is_sound: report.is_sound(), json: serde_json::to_value(&report)?, lines })
}

fn keys(arguments: &VerifyArguments, session: &Session) -> anyhow::Result<Option<KeySet>> {
    if arguments.without_keys {
        return Ok(None);
    }
    if let Some(file) = &arguments.jwks {
        let set = KeySet::parse(&token::read(file)?);
        return Ok(Some(set.map_err(|error| output::BadInput(format!("{}: {error}", file.display())))?));
    }
    Ok(Some(confirmed_keys(session).unwrap_or_else(|error| {
        let sentence = output::sentence(&error);
        output::note(&format!(
            "NO KEYS: {sentence}; bring them with --jwks, or leave the signatures out with --without-keys"
        ));
        KeySet::default()
    })))
}

fn confirmed_keys(session: &Session) -> anyhow::Result<KeySet> {
    let loaded = session.load_config()?;
    let known = block_on(async { Ok(configured_database(&loaded).await?.list_signing_keys().await?) })?;
    let confirmed = examination::confirmed_keys(&loaded.config, &known)?;
    Ok(KeySet::parse(signing::KeySet::of(confirmed.iter()).json().as_bytes())?)
}

fn one_line(stream: &StreamReport, with_keys: bool) -> String {
    let StreamReport { stream: name, files, lines, first_sequence, last_sequence, .. } = stream;
    let time = |time: Option<crate::clock::UnixTime>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let (from, to) = (time(stream.first_time), time(stream.last_time));
    let valid = match (with_keys, stream.valid_checkpoints, stream.unverifiable_checkpoints) {
        (false, _, unchecked) => format!("{unchecked} checkpoints, signatures not checked"),
        (true, valid, 0) => format!("{valid} valid checkpoints"),
        (true, valid, unknown) => format!("{valid} valid checkpoints, {unknown} by keys that were not given"),
    };
    let mut said = format!(
        "stream {name}: {files} files, {lines} lines (number {first_sequence} to {last_sequence}, {from} to {to}), {valid}, {} \
         lines behind the last one",
        stream.lines_after_checkpoint
    );
    if stream.torn_lines > 0 {
        said.push_str(&format!(", {} lines that broke off", stream.torn_lines));
    }
    if stream.ends_within_a_line {
        said.push_str(", ends within a line: one that is being written, or broke off");
    }
    said
}

/// What can be said of a chain that holds: of what no checkpoint covers, no more than that.
pub(super) fn unbroken(what: &str, records: u64, uncovered: u64) -> String {
    match (records, uncovered) {
        (0, _) => format!("{what} is empty: there is nothing to verify."),
        (_, 0) => format!("{what} is as it was written."),
        (all, not_signed) if all == not_signed => {
            format!(
                "{what} is in itself consistent. NOT SIGNED: no checkpoint covers any of it, so all could be written anew."
            )
        }
        (_, not_signed) => format!("{what} is as it was written; the last {not_signed} entries are not signed yet."),
    }
}

/// What is wrong, or that nothing is.
fn verdict(report: &Report) -> Vec<String> {
    let mut said: Vec<_> = report.broken().map(|broken| format!("BROKEN: {}", legible(&broken.to_string()))).collect();
    for stream in report.streams.iter().filter(|stream| !stream.unknown_keys.is_empty()) {
        let keys: Vec<_> =
            stream.unknown_keys.iter().map(|key| if is_kid(key) { key.clone() } else { legible(key) }).collect();
        said.push(format!(
            "NOT PROVEN: the last checkpoints of stream {} are by {}: bring the key set that was published then with --jwks",
            stream.stream,
            keys.join(", ")
        ));
    }
    if said.is_empty() {
        said.push(unbroken(
            "The record",
            report.streams.iter().map(|stream| stream.lines).sum(),
            report.streams.iter().map(|stream| stream.lines_after_checkpoint).sum(),
        ));
    }
    said
}

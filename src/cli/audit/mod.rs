//! `careconnect-auth audit …`: what was answered, whether that is still what was written, and who asked.

mod search;
mod tail;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::session::Session;
use crate::{
    record::{Found, Outcome},
    telemetry::legible,
};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the last entries of the issuance record, and those that come.
    Tail(tail::TailArguments),
    /// Look for entries of the issuance record, the newest first; exit code 1 when there are none.
    Search(search::SearchArguments),
    /// Prove offline that the issuance record is as it was written; exit code 1, with the first broken line, when it is not.
    ///
    /// Needs neither server nor database. Every line is held against its hash and against the line before it, every checkpoint
    /// against the issuer's keys. Lines that no checkpoint covers yet are counted: whoever may write the files could have
    /// written these anew.
    Verify(verify::VerifyArguments),
}

pub(crate) fn run(command: AuditCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Tail(arguments) => tail::run(&arguments, session),
        AuditCommand::Search(arguments) => search::run(arguments, session),
        AuditCommand::Verify(arguments) => verify::run(arguments, session),
    }
}

/// Where the record is.
#[derive(Debug, Args)]
struct RecordDirectory {
    /// Where the record is [default: record.directory of the configuration].
    #[arg(long, value_name = "DIR")]
    record_directory: Option<PathBuf>,
}

impl RecordDirectory {
    fn of(&self, session: &Session) -> anyhow::Result<PathBuf> {
        match &self.record_directory {
            Some(directory) => Ok(directory.clone()),
            None => Ok(session.load_config()?.config.record.directory),
        }
    }
}

fn cannot_read(directory: &std::path::Path) -> String {
    format!("the issuance record in {} cannot be read", directory.display())
}

/// One line for people.
fn one_line(found: &Found) -> String {
    let entry = &found.entry;
    let (outcome, why) = match &entry.outcome {
        Outcome::Issued { asid, ods_code, method, .. } => ("issued", format!("{asid} {ods_code} {method}")),
        Outcome::Refused { reason, check, .. } => {
            let check = check.as_ref().map(|failed| format!(" ({})", failed.check)).unwrap_or_default();
            ("refused", format!("{reason}{check}"))
        }
    };
    let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), legible);
    let (client_id, why, audience) = (text(&entry.client_id), legible(&why), text(&entry.audience));
    let (time, address, trace_id) = (entry.time, entry.address.ip(), entry.trace_id);
    format!("{time}  {outcome:7}  {client_id}  {why}  {audience}  {address}  {trace_id}")
}

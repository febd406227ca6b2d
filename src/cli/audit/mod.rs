//! `careconnect-auth audit …`: what was answered and what was changed, and whether that is still what was written.

mod changes;
mod search;
mod tail;
mod verify;
mod verify_changes;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum, value_parser};

use super::session::Session;
use crate::{
    record::{Found, Outcome},
    telemetry::legible,
};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the last entries of the issuance record, or of the audit of changes, and those that come.
    Tail(tail::TailArguments),
    /// Look for entries of the issuance record, or of the audit of changes, the newest first; exit code 1 when there are none.
    Search(search::SearchArguments),
    /// Show one change: who made it, why, and each member before and after.
    Show {
        /// The number of its record.
        #[arg(value_parser = value_parser!(i64).range(1..))]
        sequence: i64,
    },
    /// Write the audit of changes to a file that can be verified without the database.
    Export {
        /// A file that is not there yet.
        file: PathBuf,
    },
    /// Prove that both are as they were written; exit code 1, with the first broken line or record, when they are not.
    ///
    /// For the issuance record it needs neither server nor database. Every line is held against its hash and against the line
    /// before it, every checkpoint against the issuer's keys. Lines that no checkpoint covers yet are counted: whoever may
    /// write the files, or the database, could have written these anew.
    Verify(verify::VerifyArguments),
}

/// The two things that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// What administrators did and were refused: the audit of changes, in the database.
    Changes,
    /// What was answered to token requests: the issuance record, in files.
    Tokens,
}

pub(crate) fn run(command: AuditCommand, session: &Session) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Tail(arguments) => tail::run(&arguments, session),
        AuditCommand::Search(arguments) => search::run(arguments, session),
        AuditCommand::Show { sequence } => changes::show(sequence, session),
        AuditCommand::Export { file } => changes::export(&file, session),
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

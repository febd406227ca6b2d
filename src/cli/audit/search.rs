//! `audit search`: which requests were there.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum, value_parser};
use uuid::Uuid;

use super::{RecordDirectory, cannot_read, one_line};
use crate::{
    cli::{output, session::Session, time_argument},
    clock::UnixTime,
    record::{Query, search},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct SearchArguments {
    #[command(flatten)]
    directory: RecordDirectory,
    /// The consumer's client id, as the request claimed it.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The consumer's ASID; finds tokens, for a refusal has none.
    #[arg(long)]
    asid: Option<String>,
    /// The consumer's organisation; finds tokens, for a refusal has none.
    #[arg(long, value_name = "CODE")]
    ods_code: Option<String>,
    /// The provider: its service root, or, of a refusal, what it was called.
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
    /// What was answered.
    #[arg(long)]
    outcome: Option<OutcomeArgument>,
    /// The reason of a refusal, or the check that failed.
    #[arg(long)]
    reason: Option<String>,
    /// The number in the answer.
    #[arg(long, value_name = "UUID")]
    trace_id: Option<Uuid>,
    /// The token's `jti`.
    #[arg(long, value_name = "UUID")]
    token_id: Option<Uuid>,
    /// From this day or moment on, such as 2027-04-01 or 2027-04-01T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time_argument::time)]
    from: Option<UnixTime>,
    /// Before this day or moment.
    #[arg(long, value_name = "TIME", value_parser = time_argument::time)]
    until: Option<UnixTime>,
    /// How many at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutcomeArgument {
    /// A token.
    Issued,
    /// An error.
    Refused,
}

pub(super) fn run(arguments: SearchArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let directory = arguments.directory.of(session)?;
    let outcome = arguments.outcome.map(|outcome| match outcome {
        OutcomeArgument::Issued => "issued".to_owned(),
        OutcomeArgument::Refused => "refused".to_owned(),
    });
    let query = Query {
        client_id: arguments.client_id,
        asid: arguments.asid,
        ods_code: arguments.ods_code.map(|code| code.to_ascii_uppercase()),
        audience: arguments.audience,
        outcome,
        reason: arguments.reason,
        trace_id: arguments.trace_id,
        token_id: arguments.token_id,
        from: arguments.from,
        until: arguments.until,
        before: None,
    };
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let found = search(&directory, &query, limit).with_context(|| cannot_read(&directory))?;
    if session.json {
        output::json(&found)?;
    } else {
        found.iter().try_for_each(|found| output::line(&one_line(found)))?;
    }
    if found.is_empty() {
        output::note(&format!("nothing in {} matches", directory.display()));
        return Ok(ExitCode::from(output::REFUSED));
    }
    if found.len() == limit {
        output::note(&format!("these are the newest {limit}; there may be older ones: see --until and --limit"));
    }
    Ok(ExitCode::SUCCESS)
}

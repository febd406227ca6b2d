//! `audit search`: which requests were there, and which changes.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum, value_parser};
use uuid::Uuid;

use super::{Of, RecordDirectory, cannot_read, changes, one_line};
use crate::{
    cli::{
        output::{self, BadInput},
        session::Session,
        time_argument,
    },
    clock::UnixTime,
    record::{Query, search},
    storage::AuditQuery,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct SearchArguments {
    /// Of what; by default of changes when it is asked for by --actor, --action or --identifier, else of tokens.
    #[arg(long, value_enum)]
    of: Option<Of>,
    #[command(flatten)]
    directory: RecordDirectory,
    #[command(flatten)]
    tokens: TokenFilter,
    #[command(flatten)]
    changes: ChangeFilter,
    /// What became of it: `issued` or `refused` of tokens, `done` or `refused` of changes.
    #[arg(long)]
    outcome: Option<OutcomeArgument>,
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

#[derive(Debug, Default, PartialEq, Eq, Args)]
struct TokenFilter {
    /// Of tokens: the consumer's client id, as the request claimed it.
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
    /// Of tokens: the reason of a refusal, or the check that failed.
    #[arg(long)]
    reason: Option<String>,
    /// The number in the answer.
    #[arg(long, value_name = "UUID")]
    trace_id: Option<Uuid>,
    /// The token's `jti`.
    #[arg(long, value_name = "UUID")]
    token_id: Option<Uuid>,
}

#[derive(Debug, Default, PartialEq, Eq, Args)]
struct ChangeFilter {
    /// Of changes: who made them.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// What was done, such as `consumer.suspended`, or all that was done to one kind of thing: `consumer`.
    #[arg(long)]
    action: Option<String>,
    /// To which thing: a client id, an ASID, a URN, a code, a name; also what is assured of it.
    #[arg(long)]
    identifier: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutcomeArgument {
    /// A token.
    Issued,
    /// A change.
    Done,
    /// An error, or a change that was not made.
    Refused,
}

impl OutcomeArgument {
    const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

pub(super) fn run(arguments: SearchArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let foreign = |sentence: &str| Err(BadInput(sentence.to_owned()).into());
    let by_change = arguments.changes != ChangeFilter::default();
    let of = arguments.of.unwrap_or(if by_change { Of::Changes } else { Of::Tokens });
    match (of, arguments.outcome) {
        (Of::Tokens, Some(OutcomeArgument::Done)) => foreign("a token request is issued or refused, not done"),
        (Of::Changes, Some(OutcomeArgument::Issued)) => foreign("a change is done or refused, not issued"),
        (Of::Tokens, _) if by_change => {
            foreign("--actor, --action and --identifier are of changes: search with --of changes")
        }
        (Of::Changes, _) if arguments.tokens != TokenFilter::default() => foreign(
            "token requests are found by these: search with --of tokens, or by --actor, --action and --identifier",
        ),
        (Of::Tokens, _) => search_tokens(arguments, session),
        (Of::Changes, _) => search_changes(arguments, session),
    }
}

fn search_changes(arguments: SearchArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let query = AuditQuery {
        before: None,
        from: arguments.from,
        until: arguments.until,
        actor: arguments.changes.actor,
        action: arguments.changes.action,
        subject: None,
        identifier: arguments.changes.identifier,
        outcome: arguments.outcome.map(|outcome| outcome.name().to_owned()),
    };
    session.with_database(async |database| {
        let found = database.search_audit(&query, arguments.limit).await?;
        if session.json {
            output::json(&found.iter().map(changes::document).collect::<Vec<_>>())?;
        } else {
            found.iter().try_for_each(|record| output::line(&changes::one_line(record)))?;
        }
        said(found.len(), arguments.limit, "the audit of changes")
    })
}

fn said(found: usize, limit: u32, place: &str) -> anyhow::Result<ExitCode> {
    if found == 0 {
        output::note(&format!("nothing in {place} matches"));
        return Ok(ExitCode::from(output::REFUSED));
    }
    if u32::try_from(found).is_ok_and(|found| found == limit) {
        output::note(&format!("these are the newest {limit}; there may be older ones: see --until and --limit"));
    }
    Ok(ExitCode::SUCCESS)
}

fn search_tokens(arguments: SearchArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let directory = arguments.directory.of(session)?;
    let wanted = arguments.tokens;
    let query = Query {
        client_id: wanted.client_id,
        asid: wanted.asid,
        ods_code: wanted.ods_code.map(|code| code.to_ascii_uppercase()),
        audience: wanted.audience,
        outcome: arguments.outcome.map(|outcome| outcome.name().to_owned()),
        reason: wanted.reason,
        trace_id: wanted.trace_id,
        token_id: wanted.token_id,
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
    said(found.len(), arguments.limit, &directory.display().to_string())
}

//! `audit tail`: what was answered last.

use std::{collections::HashSet, io, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, value_parser};

use super::{Of, RecordDirectory, cannot_read, changes, one_line};
use crate::{
    cli::{output, session::Session},
    record::{Follower, Found, Query, search},
    storage::AuditQuery,
};

/// How often it is looked for what has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Records of changes that are held in memory at a time.
const AT_ONCE: u32 = 1_000;

#[derive(Debug, Args)]
pub(in crate::cli) struct TailArguments {
    /// Of what.
    #[arg(long, value_enum, default_value_t = Of::Tokens)]
    of: Of,
    #[command(flatten)]
    directory: RecordDirectory,
    /// How many of the last entries.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = value_parser!(u32).range(0..=10_000))]
    lines: u32,
    /// Go on with those that come, until it is stopped.
    #[arg(long, short = 'f')]
    follow: bool,
}

/// The oldest first, one a line, also in JSON.
pub(super) fn run(arguments: &TailArguments, session: &Session) -> anyhow::Result<ExitCode> {
    if arguments.of == Of::Changes {
        return changes_tail(arguments, session);
    }
    let directory = arguments.directory.of(session)?;
    let cannot = || cannot_read(&directory);
    let mut follower = Follower::at_the_end_of(&directory).with_context(cannot)?;
    let limit = usize::try_from(arguments.lines).unwrap_or(usize::MAX);
    let mut last = search(&directory, &Query::default(), limit).with_context(cannot)?;
    last.reverse();
    let mut shown: HashSet<_> = last.iter().map(|found| found.entry.trace_id).collect();
    let mut next = last;
    loop {
        for found in &next {
            match show(found, session.json) {
                Err(error) if is_gone(&error) => return Ok(ExitCode::SUCCESS), // nobody reads any more
                outcome => outcome?,
            }
        }
        if !arguments.follow {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(LOOK_EVERY);
        next = follower.poll().with_context(cannot)?;
        // What came between the two looks at the beginning is in both.
        next.retain(|found| !shown.remove(&found.entry.trace_id));
    }
}

fn changes_tail(arguments: &TailArguments, session: &Session) -> anyhow::Result<ExitCode> {
    session.with_database(async |database| {
        let mut next = match arguments.lines {
            0 => Vec::new(),
            lines => database.search_audit(&AuditQuery::default(), lines).await?,
        };
        next.reverse();
        let (mut last, _) = match next.last() {
            Some(record) => (record.sequence, String::new()),
            None => database.audit_head().await?,
        };
        loop {
            for record in &next {
                last = record.sequence;
                let line = if session.json { changes::document(record).to_string() } else { changes::one_line(record) };
                match output::deliver(&line) {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                    outcome => outcome?,
                }
            }
            if !arguments.follow {
                return Ok(ExitCode::SUCCESS);
            }
            tokio::time::sleep(LOOK_EVERY).await;
            next = database.read_audit(last, AT_ONCE).await?;
        }
    })
}

fn show(found: &Found, json: bool) -> anyhow::Result<()> {
    let line = if json { serde_json::to_string(found)? } else { one_line(found) };
    Ok(output::deliver(&line)?)
}

fn is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

//! `audit tail`: what was answered last.

use std::{collections::HashSet, io, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, value_parser};

use super::{RecordDirectory, cannot_read, one_line};
use crate::{
    cli::{output, session::Session},
    record::{Follower, Found, Query, search},
};

/// How often it is looked for what has come.
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(in crate::cli) struct TailArguments {
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

fn show(found: &Found, json: bool) -> anyhow::Result<()> {
    let line = if json { serde_json::to_string(found)? } else { one_line(found) };
    Ok(output::deliver(&line)?)
}

fn is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

//! What a command prints: results on standard output, complaints on standard error.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;

use crate::{operations::change_refused::ChangeRefused, storage::StorageError};

/// Malformed input or unusable set-up.
pub(super) const USAGE: u8 = 2;
/// The answer is no: refused, not found, or faulty.
pub(super) const REFUSED: u8 = 1;

/// A command's refusal of its input, for exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadInput(pub(super) String);

/// Prints `value` as one line of JSON.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Prints a line. A reader that has gone away is no failure of the command.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    match deliver(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a line that cannot be had again: that nobody reads it is a failure, too.
pub(super) fn deliver(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// Prints names with their values, aligned.
pub(super) fn fields(fields: &[(&str, String)]) -> anyhow::Result<()> {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    fields.iter().try_for_each(|(name, value)| line(&format!("{name:width$}  {value}")))
}

/// Prints rows under a heading, columns aligned.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) -> anyhow::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(heading.get(column).map(|title| title.len())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let print = |cells: Vec<&str>| {
        let aligned: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        line(aligned.join("  ").trim_end())
    };
    print(heading.to_vec())?;
    rows.iter().try_for_each(|row| print(row.iter().map(String::as_str).collect()))
}

/// A name that leaves room for other columns.
pub(super) fn cut(name: &str) -> String {
    const ROOM: usize = 24;
    if name.chars().count() <= ROOM {
        return name.to_owned();
    }
    name.chars().take(ROOM - 1).chain(['…']).collect()
}

/// Prints why a command failed, and gives its exit code.
pub(super) fn failure(error: &anyhow::Error) -> ExitCode {
    use StorageError::{AlreadyExists, NotFound, UnknownReference};
    let _unheard = writeln!(io::stderr(), "careconnect-auth: {}", sentence(error));
    let in_register =
        |error: &StorageError| matches!(error, AlreadyExists { .. } | NotFound { .. } | UnknownReference { .. });
    let is_refused = match error.downcast_ref() {
        Some(ChangeRefused::Storage(error)) => in_register(error),
        Some(ChangeRefused::Invalid(_)) => false,
        Some(_) => true,
        None => error.downcast_ref().is_some_and(in_register),
    };
    ExitCode::from(if is_refused { REFUSED } else { USAGE })
}

/// An error with its causes, each said once: many a sentence has its cause in it already.
pub(super) fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !said.ends_with(&cause) {
            said.push_str(if said.is_empty() { "" } else { ": " });
            said.push_str(&cause);
        }
    }
    said
}

/// Says something beside the result.
pub(super) fn note(text: &str) {
    let _unheard = writeln!(io::stderr(), "careconnect-auth: {text}");
}

/// Says how far something is, in place of what was said before; on a terminal only.
pub(super) fn overwrite(text: &str) {
    let _unheard = write!(io::stderr(), "\r\x1b[2K{text}");
}

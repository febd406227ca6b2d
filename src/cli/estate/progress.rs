//! How far a large file is, on standard error.

use std::io::{self, IsTerminal};

use crate::cli::output;

/// Files of fewer entries are done before anybody looks.
const LARGE: usize = 1_000;

pub(super) struct Progress {
    entries: usize,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn of(entries: usize) -> Self {
        Self { entries, is_terminal: io::stderr().is_terminal() }
    }

    /// Twenty times at most.
    pub(super) fn show(&self, done: usize) {
        if self.entries < LARGE || !done.is_multiple_of((self.entries / 20).max(1)) {
            return;
        }
        let text = format!("{done} of {} entries", self.entries);
        if self.is_terminal { output::overwrite(&text) } else { output::note(&text) }
    }

    pub(super) fn end(&self) {
        if self.is_terminal && self.entries >= LARGE {
            output::overwrite("");
        }
    }
}

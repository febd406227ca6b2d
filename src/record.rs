//! The issuance record: what was answered to each token request, one line of JSON each, in local files, one a day.
//!
//! A token leaves only when its line has been handed to the operating system (R56). So a line may tell of a token that
//! nobody received, but no token is without its line. What is written outlives the process however it ends; for the disk
//! nobody waits, so the last seconds may not outlive a power failure.
//!
//! A thread of its own appends all lines that wait in one `write`, and opens the file anew for it: one that was moved away,
//! or lost with its directory, is noticed at once.
//!
//! # The chain
//!
//! Each process writes a *stream* of its own, which it holds by a lock and which the next process on the machine goes on
//! with. The lines of a stream hang on each other, across its files and across restarts (`docs/record.md`), and checkpoints
//! signed with a token key stand among them. So [`verify`] finds, offline, whatever was changed, left out or put in between.
//! What no checkpoint covers yet can be written anew by whoever may write the files; a copy of each checkpoint is in the log.

mod checkpoint;
mod entry;
mod files;
mod follow;
mod known_changes;
mod line;
mod search;
mod stream;
mod verify;
mod writer;

pub use self::{
    checkpoint::{CHANGES, Checkpoint, CheckpointSigner, CheckpointVerdict, KnownCheckpoint, judge_checkpoint},
    entry::{Entry, Outcome, RecordedCheck},
    files::RecordError,
    follow::Follower,
    known_changes::{keep_known_changes, known_changes_file, read_known_changes},
    search::{Found, InvalidPosition, Position, Query, find, search, search_while},
    verify::{Broken, Fault, Report, StreamReport, verify},
    writer::{IssuanceRecord, NotRecorded},
};

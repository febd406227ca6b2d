//! The thread that writes: lines as they come, checkpoints among them.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use serde::Serialize;

use super::{
    super::{
        checkpoint::{Checkpoint, CheckpointSigner, KnownCheckpoint},
        entry::rfc3339,
        files::{RecordError, day_of, delete_old},
        stream::Stream,
    },
    Line, MAX_WAITING, State,
};
use crate::{
    clock::{Clock, UnixTime},
    config,
};

/// How often the thread tries whether it can write again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How often it looks for files that are too old.
const TIDY_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    stream: Stream,
    directory: PathBuf,
    issuer: String,
    sign: CheckpointSigner,
    clock: Arc<dyn Clock>,
    state: State,
    keep_days: i64,
    /// The day on which old files were last looked for.
    tidied: String,
    /// How long a file may be, in bytes, for refusals to go in: strangers must not fill the disk.
    most_with_refusals: u64,
    /// The file that has become longer.
    full: String,
    /// The time between two checkpoints, in seconds.
    checkpoint_every: u64,
    checkpointed_at: UnixTime,
    /// The last line that needs no further checkpoint.
    checkpointed: u64,
}

#[derive(Serialize)]
struct CheckpointLine {
    #[serde(with = "rfc3339")]
    time: UnixTime,
    checkpoint: String,
}

impl Writer {
    pub(super) fn open(
        section: &config::Record,
        issuer: &str,
        sign: CheckpointSigner,
        clock: Arc<dyn Clock>,
        state: State,
    ) -> Result<Self, RecordError> {
        let now = clock.now();
        let stream = Stream::open(&section.directory, now)?;
        Ok(Self {
            directory: section.directory.clone(),
            issuer: issuer.to_owned(),
            sign,
            clock,
            state,
            keep_days: i64::try_from(section.keep_days.get()).unwrap_or(0),
            tidied: String::new(),
            most_with_refusals: u64::try_from(section.refusals_up_to_megabytes.get()).unwrap_or(u64::MAX) << 20,
            full: String::new(),
            checkpoint_every: section.checkpoint_every_seconds.duration().as_secs(),
            checkpointed_at: now,
            checkpointed: 0,
            stream,
        })
    }

    pub(super) fn run(mut self, received: &Receiver<Line>) {
        let _ended = self.state.ended.clone().drop_guard();
        self.append(&[]);
        loop {
            self.tidy();
            match received.recv_timeout(self.until_something_is_due()) {
                Ok(first) => self.write(std::iter::once(first).chain(received.try_iter()).take(MAX_WAITING).collect()),
                Err(RecvTimeoutError::Timeout) => drop(self.append(&[])),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.seconds_to_checkpoint() == Some(0) {
                self.write_checkpoint();
            }
        }
        self.write_checkpoint();
    }

    fn until_something_is_due(&self) -> Duration {
        if self.stream.is_interrupted() {
            return RETRY_EVERY;
        }
        self.seconds_to_checkpoint().map_or(TIDY_EVERY, |seconds| Duration::from_secs(seconds.max(1)).min(TIDY_EVERY))
    }

    /// Nothing where all lines are covered.
    fn seconds_to_checkpoint(&self) -> Option<u64> {
        let passed = self.clock.now().since(self.checkpointed_at).unsigned_abs();
        (self.stream.place().sequence > self.checkpointed).then(|| self.checkpoint_every.saturating_sub(passed))
    }

    /// Writes the lines, and tells those who wait for them. A dropped `written` tells that it could not be.
    fn write(&mut self, mut lines: Vec<Line>) {
        if self.stream.is_of_another_day(self.clock.now()) {
            self.write_checkpoint();
            self.stream.turn(self.clock.now());
        }
        if lines.iter().any(|line| line.is_refusal) && self.is_full() {
            lines.retain(|line| !line.is_refusal);
        }
        let members: Vec<_> = lines.iter().map(|line| line.members.as_slice()).collect();
        let written = self.append(&members);
        for line in lines.into_iter().take(written) {
            let _gone = line.written.send(());
        }
    }

    fn is_full(&mut self) -> bool {
        let (file, length) = self.stream.file();
        if self.full != file && length >= self.most_with_refusals {
            tracing::warn!(event = "record_full", file, "today's record has become long: refusals are no longer in it");
            self.full.clone_from(&file);
        }
        self.full == file
    }

    /// Appends, and gives the number of lines that were written.
    fn append(&mut self, lines: &[&[u8]]) -> usize {
        if lines.is_empty() && !self.stream.is_interrupted() {
            return 0;
        }
        let (written, outcome) = self.stream.append(lines, self.clock.now());
        let (file, _) = self.stream.file();
        let was_failing = self.state.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        if self.state.is_stuck.swap(false, Ordering::Relaxed) {
            tracing::warn!(event = "record_answers", file, "the issuance record's disk answers again");
        }
        match outcome {
            Err(error) if !was_failing => {
                tracing::error!(event = "record_failed", file, %error, "no tokens: the issuance record cannot be written");
            }
            Ok(()) if was_failing => {
                tracing::warn!(event = "record_recovered", file, "the issuance record can be written again");
            }
            _ => {}
        }
        written
    }

    /// Writes a checkpoint, where there are lines since the last one.
    fn write_checkpoint(&mut self) {
        self.append(&[]); // what is due, for the checkpoint is of the place where it stands
        let (now, place, stream) = (self.clock.now(), self.stream.place(), self.stream.name().to_owned());
        if self.stream.is_interrupted() || place.sequence <= self.checkpointed {
            return;
        }
        self.checkpointed_at = now; // whatever comes of it: the next try is not at once
        let known = KnownCheckpoint { stream, sequence: place.sequence, hash: place.hash };
        let (iss, hash) = (self.issuer.clone(), place.hash.to_string());
        let checkpoint = Checkpoint { iss, iat: now, stream: known.stream.clone(), sequence: place.sequence, hash };
        let line = (self.sign)(&checkpoint)
            .and_then(|checkpoint| Ok(serde_json::to_vec(&CheckpointLine { time: now, checkpoint })?));
        match line {
            Ok(line) if self.append(&[&line]) == 1 => {
                self.checkpointed = self.stream.place().sequence;
                tracing::info!(event = "record_checkpoint", checkpoint = %known, "the issuance record is signed so far");
            }
            Ok(_not_written) => {}
            Err(error) => {
                tracing::warn!(event = "record_not_signed", %error, "the issuance record goes on without a checkpoint");
            }
        }
    }

    fn tidy(&mut self) {
        let now = self.clock.now();
        let today = day_of(now);
        if self.tidied == today {
            return;
        }
        match delete_old(&self.directory, self.keep_days, now) {
            Ok(failures) => {
                for (file, error) in failures {
                    tracing::warn!(event = "record_not_tidied", file = %file.display(), %error, "an old record cannot be deleted");
                }
            }
            Err(error) => {
                tracing::warn!(event = "record_not_tidied", %error, "old records cannot be looked for");
            }
        }
        self.tidied = today;
    }
}

//! The thread that writes, and what requests wait for.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    day_files::{DayFiles, RecordError, file_name},
    entry::{Entry, Outcome},
};
use crate::{clock::Clock, config};

/// Lines that may wait for the thread. Refusals, which cost a stranger nothing, never take more than half of it.
const MAX_WAITING: usize = 4096;
/// How long a line may wait, for a disk that has stopped answering.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the thread tries whether it can write again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How often it looks for files that are too old.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Why a line is not in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// Too many lines wait already.
    #[error("too many lines wait to be written")]
    Busy,
    /// The disk does not answer.
    #[error("the line was not written within {} s", PATIENCE.as_secs())]
    Late,
    /// The operating system refused it, or it is a refusal and the file is long enough; the log says which.
    #[error("the line could not be written")]
    Failed,
}

/// Where requests have their outcome recorded. The thread behind it ends with it.
pub struct IssuanceRecord {
    lines: SyncSender<Line>,
    places_of_refusals: Arc<Semaphore>,
    is_failing: Arc<AtomicBool>,
    /// Has a line waited in vain, and nothing been written since?
    is_stuck: Arc<AtomicBool>,
    patience: Duration,
}

struct Line {
    file: String,
    text: Vec<u8>,
    written: oneshot::Sender<()>,
    is_refusal: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl IssuanceRecord {
    /// A record as configured. Its directory is made with mode 0700 if it is not there. Blocks.
    pub fn open(section: &config::Record, clock: Arc<dyn Clock>) -> Result<Self, RecordError> {
        let (directory, keep_days) = (section.directory.clone(), i64::try_from(section.keep_days.get()).unwrap_or(0));
        let files = DayFiles::open(directory.clone(), keep_days, clock.now())?;
        let most_with_refusals = u64::try_from(section.refusals_up_to_megabytes.get()).unwrap_or(u64::MAX) << 20;
        let (lines, received) = sync_channel(MAX_WAITING);
        let (is_failing, is_stuck) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (tidied, full) = (String::new(), String::new());
        let (failing, stuck) = (is_failing.clone(), is_stuck.clone());
        let writer = Writer { files, clock, is_failing: failing, is_stuck: stuck, tidied, most_with_refusals, full };
        let thread = thread::Builder::new().name("record".into()).spawn(move || writer.run(&received));
        thread.map_err(|source| RecordError { directory, source })?;
        Ok(Self {
            lines,
            places_of_refusals: Arc::new(Semaphore::new(MAX_WAITING / 2)),
            is_failing,
            is_stuck,
            patience: PATIENCE,
        })
    }

    /// Returns when the line of `entry` is written. Never blocks the thread.
    pub async fn write(&self, entry: &Entry) -> Result<(), NotRecorded> {
        let outcome = self.hand_over(entry).await;
        if outcome.is_err() {
            metrics::counter!("careconnect_record_failures_total").increment(1);
        }
        outcome
    }

    async fn hand_over(&self, entry: &Entry) -> Result<(), NotRecorded> {
        let place = match entry.outcome {
            Outcome::Issued { .. } => None,
            Outcome::Refused { .. } => {
                Some(self.places_of_refusals.clone().try_acquire_owned().map_err(|_| NotRecorded::Busy)?)
            }
        };
        let mut text = serde_json::to_vec(entry).map_err(|_| NotRecorded::Failed)?;
        text.push(b'\n');
        let (written, told) = oneshot::channel();
        let is_refusal = place.is_some();
        let line = Line { file: file_name(entry.time), text, written, is_refusal, _place: place };
        self.lines.try_send(line).map_err(|refused| match refused {
            TrySendError::Full(_) => NotRecorded::Busy,
            TrySendError::Disconnected(_) => NotRecorded::Failed,
        })?;
        if self.is_stuck.load(Ordering::Relaxed) {
            return Err(NotRecorded::Late); // others have waited in vain; this line will show when that is over
        }
        match tokio::time::timeout(self.patience, told).await {
            Ok(told) => told.map_err(|_| NotRecorded::Failed),
            Err(_elapsed) => {
                if !self.is_stuck.swap(true, Ordering::Relaxed) {
                    tracing::error!(event = "record_stuck", "no tokens: the issuance record's disk does not answer");
                }
                Err(NotRecorded::Late)
            }
        }
    }

    /// Could the last line not be written? Then no tokens are issued until one can.
    pub fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed) || self.is_stuck.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for IssuanceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuanceRecord").field("is_failing", &self.is_failing()).finish_non_exhaustive()
    }
}

struct Writer {
    files: DayFiles,
    clock: Arc<dyn Clock>,
    is_failing: Arc<AtomicBool>,
    is_stuck: Arc<AtomicBool>,
    /// The file of the day on which old ones were last looked for.
    tidied: String,
    /// How long a file may be, in bytes, for refusals to go in: strangers must not fill the disk.
    most_with_refusals: u64,
    /// The file that has become longer.
    full: String,
}

impl Writer {
    fn run(mut self, received: &Receiver<Line>) {
        loop {
            self.tidy();
            let is_failing = self.is_failing.load(Ordering::Relaxed);
            match received.recv_timeout(if is_failing { RETRY_EVERY } else { TIDY_EVERY }) {
                Ok(first) => self.write(std::iter::once(first).chain(received.try_iter()).take(MAX_WAITING).collect()),
                Err(RecvTimeoutError::Timeout) if is_failing => {
                    self.append(&file_name(self.clock.now()), b"\n"); // an empty line, which readers pass over
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Writes the lines, and tells those who wait for them. A dropped `written` tells that it could not be.
    fn write(&mut self, mut lines: Vec<Line>) {
        if let Some(refusal) = lines.iter().find(|line| line.is_refusal).map(|line| line.file.clone()) {
            self.note_length_of(refusal);
            lines.retain(|line| !line.is_refusal || line.file != self.full);
        }
        let mut lines = lines.into_iter().peekable();
        while let Some(first) = lines.next() {
            let mut group = vec![first];
            while let Some(next) = lines.next_if(|next| next.file == group[0].file) {
                group.push(next);
            }
            let text: Vec<u8> = group.iter().flat_map(|line| &line.text).copied().collect();
            let taken = self.append(&group[0].file, &text);
            let mut end = 0;
            for line in group {
                end += line.text.len();
                if end <= taken {
                    let _gone = line.written.send(());
                }
            }
        }
    }

    fn note_length_of(&mut self, file: String) {
        if self.full == file || self.files.length_of(&file) < self.most_with_refusals {
            return;
        }
        tracing::warn!(event = "record_full", file, "today's record has become long: refusals are no longer in it");
        self.full = file;
    }

    /// Appends, and gives the number of bytes that were taken.
    fn append(&self, file: &str, text: &[u8]) -> usize {
        let (taken, outcome) = self.files.append(file, text);
        let was_failing = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        if self.is_stuck.swap(false, Ordering::Relaxed) {
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
        taken
    }

    fn tidy(&mut self) {
        let now = self.clock.now();
        let today = file_name(now);
        if self.tidied == today {
            return;
        }
        match self.files.delete_old(now) {
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

#[cfg(test)]
mod tests;

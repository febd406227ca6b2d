//! What requests wait for: that their line is written.

mod thread;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use self::thread::Writer;
use super::{
    checkpoint::CheckpointSigner,
    entry::{Entry, Outcome},
    files::RecordError,
};
use crate::{clock::Clock, config};

/// Lines that may wait for the thread. Refusals, which cost a stranger nothing, never take more than half of it.
const MAX_WAITING: usize = 4096;
/// How long a line may wait, for a disk that has stopped answering.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// Where requests have their outcome recorded. The thread behind it ends with it, after a last checkpoint.
pub struct IssuanceRecord {
    lines: SyncSender<Line>,
    places_of_refusals: Arc<Semaphore>,
    state: State,
    patience: Duration,
    directory: PathBuf,
}

/// What requests and thread know of each other.
#[derive(Clone, Default)]
struct State {
    /// Could the last line not be written?
    is_failing: Arc<AtomicBool>,
    /// Has a line waited in vain, and nothing been written since?
    is_stuck: Arc<AtomicBool>,
    /// Has the thread ended?
    ended: CancellationToken,
}

struct Line {
    /// A JSON object.
    members: Vec<u8>,
    written: oneshot::Sender<()>,
    is_refusal: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl IssuanceRecord {
    /// A record as configured, of the issuer `issuer`, with checkpoints by `sign`. Its directory is made with mode 0700 if
    /// it is not there. Blocks.
    pub fn open(
        section: &config::Record,
        issuer: &str,
        sign: CheckpointSigner,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RecordError> {
        let state = State::default();
        let writer = Writer::open(section, issuer, sign, clock, state.clone())?;
        let (lines, received) = sync_channel(MAX_WAITING);
        let thread = std::thread::Builder::new().name("record".into()).spawn(move || writer.run(&received));
        thread.map_err(|source| RecordError { directory: section.directory.clone(), source })?;
        let places_of_refusals = Arc::new(Semaphore::new(MAX_WAITING / 2));
        let directory = section.directory.clone();
        Ok(Self { lines, places_of_refusals, state, patience: PATIENCE, directory })
    }

    /// Where its files are, those of other processes on the machine among them.
    pub fn directory(&self) -> &Path {
        &self.directory
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
        let members = serde_json::to_vec(entry).map_err(|_| NotRecorded::Failed)?;
        let (written, told) = oneshot::channel();
        let line = Line { members, written, is_refusal: place.is_some(), _place: place };
        self.lines.try_send(line).map_err(|refused| match refused {
            TrySendError::Full(_) => NotRecorded::Busy,
            TrySendError::Disconnected(_) => NotRecorded::Failed,
        })?;
        if self.state.is_stuck.load(Ordering::Relaxed) {
            return Err(NotRecorded::Late); // others have waited in vain; this line will show when that is over
        }
        match tokio::time::timeout(self.patience, told).await {
            Ok(told) => told.map_err(|_| NotRecorded::Failed),
            Err(_elapsed) => {
                if !self.state.is_stuck.swap(true, Ordering::Relaxed) {
                    tracing::error!(event = "record_stuck", "no tokens: the issuance record's disk does not answer");
                }
                Err(NotRecorded::Late)
            }
        }
    }

    /// Could the last line not be written? Then no tokens are issued until one can.
    pub fn is_failing(&self) -> bool {
        self.state.is_failing.load(Ordering::Relaxed) || self.state.is_stuck.load(Ordering::Relaxed)
    }

    /// Waits, without holding the record, until it is gone and its last line is written.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        self.state.ended.clone().cancelled_owned()
    }
}

impl fmt::Debug for IssuanceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuanceRecord").field("is_failing", &self.is_failing()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

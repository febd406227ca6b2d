//! Each client assertion counts once, on whichever node it comes in, until it has ended.
//!
//! ```text
//! record(id, until) ─→ queue ─→ write.rs: all that wait, in one commit ─→ recorded, replayed, or unavailable
//!                               prune.rs: deletes, every minute, what ended long ago
//! ```

mod prune;
mod write;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Mutex, mpsc, oneshot};
use uuid::Uuid;

use crate::{clock::UnixTime, storage::Database};

/// How long a caller should wait for the database, at most.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Assertions that wait for the database, at most; beyond that, callers are better told at once.
const QUEUE: usize = 8_192;

/// Where used assertions are recorded. Clones are the same; when the last of them goes, the store's tasks end.
#[derive(Debug, Clone)]
pub struct ReplayGuard {
    waiting: mpsc::Sender<Record>,
    forgotten: Arc<AtomicI64>,
    patience: Duration,
}

/// What writes them down; see [`ReplayStore::write`] and [`ReplayStore::prune`].
#[derive(Debug)]
pub struct ReplayStore {
    database: Database,
    patience: Duration,
    /// What ended by then may have been used, and its record be deleted.
    forgotten: Arc<AtomicI64>,
    /// Taken by the one task that writes, and again by its successor.
    waiting: Mutex<mpsc::Receiver<Record>>,
}

/// Why an assertion does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayRefused {
    /// It has been used before.
    #[error("the assertion has been used before")]
    Replayed,
    /// It is not known whether it has been used, so it is taken as if it had: the database does not answer, or not in
    /// time. A new assertion may succeed later.
    #[error("the store of used assertions does not answer")]
    Unavailable,
}

/// One assertion that waits to be recorded.
#[derive(Debug)]
struct Record {
    id: Uuid,
    expires_at: UnixTime,
    answer: oneshot::Sender<Result<(), ReplayRefused>>,
}

impl ReplayGuard {
    /// A guard whose callers wait so long at most, and its store in `database`, which somebody has to run.
    pub fn new(database: Database, patience: Duration) -> (Self, Arc<ReplayStore>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let forgotten = Arc::new(AtomicI64::new(i64::MIN));
        let store = ReplayStore { database, patience, forgotten: forgotten.clone(), waiting: Mutex::new(receiver) };
        (Self { waiting: sender, forgotten, patience }, Arc::new(store))
    }

    /// Records that the assertion of this id has been used. Exactly one of all calls with one id succeeds, on all nodes
    /// together, until `expires_at`: the assertion's `exp` and the leeway. Nor does one succeed later, for a clock that was
    /// set back.
    ///
    /// Call it last, when all else about the assertion is right (R21). A caller that goes away leaves nothing behind but,
    /// perhaps, the record.
    pub async fn record(&self, id: Uuid, expires_at: UnixTime) -> Result<(), ReplayRefused> {
        let (answer, answered) = oneshot::channel();
        let outcome = match self.waiting.try_send(Record { id, expires_at, answer }) {
            _ if expires_at.0 <= self.forgotten.load(Ordering::Acquire) => Err(ReplayRefused::Replayed),
            Ok(()) => match tokio::time::timeout(self.patience, answered).await {
                Ok(Ok(outcome)) => outcome,
                _ => Err(ReplayRefused::Unavailable),
            },
            Err(_) => Err(ReplayRefused::Unavailable),
        };
        let outcome_name = match outcome {
            Ok(()) => "recorded",
            Err(ReplayRefused::Replayed) => "replayed",
            Err(ReplayRefused::Unavailable) => "unavailable",
        };
        metrics::counter!("careconnect_replay_records_total", "outcome" => outcome_name).increment(1);
        outcome
    }

    /// Assertions that wait for the database.
    pub fn waiting(&self) -> usize {
        self.waiting.max_capacity() - self.waiting.capacity()
    }
}

//! Standard error, written by a thread of its own: a reader of the log that is slow, stuck or gone stops no request.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that wait for the reader, a few megabytes. Later ones are dropped, and counted.
const MAX_WAITING_LINES: usize = 8192;

static DROPPED: Mutex<Option<ErrorCounter>> = Mutex::new(None);

/// Hold it as long as there may be events: at its end, what still waits is written, for two seconds at most.
#[must_use]
pub struct LogThread {
    _guard: WorkerGuard,
}

pub(super) fn standard_error() -> (NonBlocking, LogThread) {
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MAX_WAITING_LINES).thread_name("log");
    let (writer, guard) = builder.finish(io::stderr());
    *DROPPED.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer.error_counter());
    (writer, LogThread { _guard: guard })
}

pub(super) fn write_gauges() {
    let dropped = DROPPED.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(ErrorCounter::dropped_lines);
    if let Some(count) = dropped.and_then(|lines| u64::try_from(lines).ok()) {
        metrics::counter!("careconnect_log_lines_dropped_total").absolute(count);
    }
}

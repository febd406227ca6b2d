//! What the code under test has logged, on this thread.

use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use tracing::{
    Dispatch, Level,
    subscriber::{DefaultGuard, NoSubscriber},
};

/// While there is only one subscriber, `tracing` asks that of the thread which comes first whether an event is of
/// interest, and never again: a test that logs nothing would silence one that looks. So there is always another.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Collects JSON lines until it is dropped.
pub(crate) struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn capture() -> Self {
        Self::capture_from(Level::INFO)
    }

    /// With everything from this level on, of libraries too.
    pub(crate) fn capture_from(level: Level) -> Self {
        LazyLock::force(&ANOTHER);
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().json().with_max_level(level).with_writer(move || writer.clone()).finish();
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }

    /// Why tokens were refused so far, as only the log says it.
    pub(crate) fn details(&self) -> Vec<String> {
        let text = self.text();
        let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let refusals = events.filter(|event| event["fields"]["message"] == "token refused");
        refusals.map(|event| event["fields"]["detail"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The reasons of the handshakes refused so far.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let text = self.text();
        let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let refusals = events.filter(|event| event["fields"]["event"] == "handshake_refused");
        refusals.map(|event| event["fields"]["reason"].as_str().unwrap().to_owned()).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

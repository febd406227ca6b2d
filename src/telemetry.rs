//! Seeing inside: events on standard error, and [`metrics`]. Set up by the command line only.

mod background;
pub mod metrics;

use std::{
    fmt::{self, Write},
    io::IsTerminal,
};

use tracing::{
    Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    field::RecordFields,
    filter::ParseError,
    fmt::{FormatFields, MakeWriter, format::Writer},
    util::{SubscriberInitExt, TryInitError},
};

pub use self::background::LogThread;
use crate::{
    config::{Log, LogFormat},
    domain::client_secret::redacted,
};

/// Why events or metrics cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.level` cannot be read.
    #[error("`log.level` is wrong: {0}")]
    Level(#[from] ParseError),
    /// The process has a subscriber.
    #[error("the log is set up already: {0}")]
    Log(#[from] TryInitError),
    /// There is no thread for the log.
    #[error("the log has no thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The process has a recorder, or a bucket is wrong.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

/// Writes the events of this process, and those of libraries that use `log`, to standard error.
pub fn install(log: &Log) -> Result<LogThread, TelemetryError> {
    let (writer, thread) = background::start(std::io::stderr())?;
    subscriber(log, writer, std::io::stderr().is_terminal())?.try_init()?;
    Ok(thread)
}

/// What turns events into lines of `writer`: one line per event, whatever its fields hold.
pub fn subscriber<W>(log: &Log, writer: W, colours: bool) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(log.level.as_str())?;
    let builder = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter).with_writer(writer);
    Ok(match log.format {
        LogFormat::People => Box::new(builder.compact().with_ansi(colours).fmt_fields(OneLine).finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

/// Writes fields as `name=value`, with every character escaped that could begin a line or steer a terminal.
struct OneLine;

impl<'writer> FormatFields<'writer> for OneLine {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line { writer, is_empty: true, outcome: Ok(()) };
        fields.record(&mut line);
        line.outcome
    }
}

struct Line<'writer> {
    writer: Writer<'writer>,
    is_empty: bool,
    outcome: fmt::Result,
}

impl Line<'_> {
    fn field(&mut self, name: &str, value: &dyn fmt::Debug) -> fmt::Result {
        if !std::mem::take(&mut self.is_empty) {
            self.writer.write_char(' ')?;
        }
        if name != "message" {
            write!(self.writer, "{name}=")?;
        }
        write!(Escaping(&mut self.writer), "{value:?}")
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Events of `log` carry their origin in fields of this prefix; the line shows it as the target.
        if self.outcome.is_ok() && !field.name().starts_with("log.") {
            self.outcome = self.field(field.name(), value);
        }
    }
}

struct Escaping<'a, W>(&'a mut W);

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if is_unsafe_in_a_line(character) {
                write!(self.0, "{}", character.escape_default())?;
            } else {
                self.0.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// What others wrote, as it may stand in any log: on one line of bounded length, steering no terminal, without secrets.
pub fn legible(text: &str) -> String {
    const LONGEST: usize = 512;
    let text = redacted(&text.chars().take(LONGEST).collect::<String>());
    let mut legible = String::with_capacity(text.len());
    let Ok(()) = Escaping(&mut legible).write_str(&text) else { return String::new() }; // a string takes everything
    legible
}

/// Control characters, the two separators that some readers take for line ends, and those that reorder text.
fn is_unsafe_in_a_line(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::domain::{ClientSecret, SecretHash};

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn captured(format: LogFormat, events: impl FnOnce()) -> String {
        let writer = Captured::default();
        let log = Log { format, ..Log::default() };
        let copy = writer.clone();
        let subscriber = subscriber(&log, move || copy.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, events);
        let bytes = writer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const FORGED: &str = "a\r\n2027-01-01T00:00:00Z  INFO token issued client_id=admin\u{1b}[2K\u{2028}\u{202e}";

    // R55
    #[test]
    fn no_value_can_begin_a_line_or_steer_a_terminal() {
        for format in [LogFormat::People, LogFormat::Json] {
            let text = captured(format, || {
                let span = tracing::info_span!("request", client_id = %FORGED).entered();
                span.record("client_id", FORGED);
                tracing::info!(display = %FORGED, debug = ?FORGED, plain = FORGED, "message {FORGED}");
                let error: &dyn std::error::Error = &io::Error::other(FORGED);
                tracing::warn!(error);
            });
            assert_eq!(text.lines().count(), 2, "{text}");
            assert!(!text.trim_end().contains(['\r', '\u{1b}']), "{text}");
            assert!(text.lines().all(|line| line.starts_with("20") || line.starts_with("{\"timestamp\":")), "{text}");
        }
    }

    #[test]
    fn json_lines_are_json_with_the_fields_on_top() {
        let text = captured(LogFormat::Json, || tracing::info!(asid = "200000000205", "token issued"));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["asid"], &line["message"]), (&"200000000205".into(), &"token issued".into()));
    }

    #[test]
    fn peoples_lines_name_their_fields() {
        let text = captured(LogFormat::People, || tracing::info!(reason = "expired", seconds = 3, "refused"));
        assert!(text.ends_with("refused reason=\"expired\" seconds=3\n"), "{text}");
    }

    #[test]
    fn no_secret_reaches_the_log_through_debug() {
        let secret = ClientSecret::generate();
        let hash = SecretHash::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA");
        let text = captured(LogFormat::People, || tracing::info!(?secret, ?hash, "registered"));
        assert!(text.contains("registered"));
        assert!(!text.contains(secret.expose()) && !text.contains("aGFzaA"), "{text}");
    }

    #[test]
    fn events_below_the_level_are_not_written() {
        assert_eq!(captured(LogFormat::People, || tracing::debug!("detail")), "");
    }
}

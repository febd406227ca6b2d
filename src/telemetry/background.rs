//! Standard error, written by a thread of its own: a reader of the log that is slow, stuck or gone stops neither a request
//! nor the end of the process.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// What may wait for the reader. Later lines are dropped, and counted.
const MAX_WAITING_LINES: usize = 8192;
const MAX_WAITING_OCTETS: usize = 8 * 1024 * 1024;
/// How long the reader may take, at the end of the process, for what still waits.
const LAST_WORDS: Duration = Duration::from_secs(2);

static DROPPED: AtomicU64 = AtomicU64::new(0);

enum Message {
    Line(Vec<u8>),
    /// Everything before this is written.
    End(SyncSender<()>),
}

/// Where events write their lines.
#[derive(Clone)]
pub(super) struct BackgroundWriter {
    messages: SyncSender<Message>,
    waiting_octets: Arc<AtomicUsize>,
}

/// Hold it as long as there may be events: at its end, what still waits is written.
#[must_use]
pub struct LogThread(SyncSender<Message>);

/// A writer of `destination`, which has one line for every `write`.
pub(super) fn start(destination: impl Write + Send + 'static) -> io::Result<(BackgroundWriter, LogThread)> {
    let (messages, received) = sync_channel(MAX_WAITING_LINES);
    let waiting_octets = Arc::new(AtomicUsize::new(0));
    let writer = BackgroundWriter { messages: messages.clone(), waiting_octets: waiting_octets.clone() };
    thread::Builder::new().name("log".into()).spawn(move || write_all(&received, destination, &waiting_octets))?;
    Ok((writer, LogThread(messages)))
}

fn write_all(received: &Receiver<Message>, mut destination: impl Write, waiting_octets: &AtomicUsize) {
    for message in received {
        match message {
            Message::Line(line) => {
                if destination.write_all(&line).is_err() {
                    DROPPED.fetch_add(1, Ordering::Relaxed);
                }
                waiting_octets.fetch_sub(line.len(), Ordering::Relaxed);
            }
            Message::End(written) => drop(written.try_send(())),
        }
    }
}

impl Write for BackgroundWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let waiting = self.waiting_octets.fetch_add(line.len(), Ordering::Relaxed);
        let taken = waiting < MAX_WAITING_OCTETS && self.messages.try_send(Message::Line(line.to_vec())).is_ok();
        if !taken {
            self.waiting_octets.fetch_sub(line.len(), Ordering::Relaxed);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for BackgroundWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        let (deadline, (written, end)) = (Instant::now() + LAST_WORDS, sync_channel(1));
        let mut message = Message::End(written);
        while let Err(TrySendError::Full(returned)) = self.0.try_send(message) {
            if Instant::now() > deadline {
                return;
            }
            message = returned;
            thread::sleep(Duration::from_millis(10));
        }
        let _in_time = end.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

pub(super) fn record_dropped_lines() {
    metrics::counter!("careconnect_log_lines_dropped_total").absolute(DROPPED.load(Ordering::Relaxed));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing until it is told to.
    struct Stuck(Receiver<()>, Vec<u8>, SyncSender<Vec<u8>>);

    impl Write for Stuck {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.recv().ok();
            self.1.extend_from_slice(line);
            self.2.try_send(self.1.clone()).ok();
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_reader_holds_up_neither_writers_nor_the_end_and_costs_bounded_memory() {
        // R54
        let ((_go, gate), (seen, _written)) = (sync_channel(1), sync_channel(1));
        let (mut writer, thread) = start(Stuck(gate, Vec::new(), seen)).unwrap();
        let line = vec![b'x'; 64 * 1024];
        for _ in 0..1000 {
            writer.write_all(&line).unwrap();
        }
        assert!(writer.waiting_octets.load(Ordering::Relaxed) <= MAX_WAITING_OCTETS + line.len());
        assert!(DROPPED.load(Ordering::Relaxed) >= 800);
        drop(thread);
    }

    #[test]
    fn what_waits_is_written_before_the_end() {
        let ((go, gate), (seen, written)) = (sync_channel(10), sync_channel(10));
        let (mut writer, thread) = start(Stuck(gate, Vec::new(), seen)).unwrap();
        for _ in 0..3 {
            writer.write_all(b"line\n").unwrap();
            go.send(()).unwrap();
        }
        drop(thread);
        assert_eq!(written.try_iter().last().unwrap(), b"line\nline\nline\n");
    }
}

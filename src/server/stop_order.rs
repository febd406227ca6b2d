//! The operator's order to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// `SIGTERM`, or Ctrl-C at a terminal.
///
/// From [`Self::listen`] on, neither ends the process by itself: whoever listens must obey. So it is the first thing
/// that a server does, and an order that comes while it still starts is not lost. Nor does `SIGHUP`, with which
/// operators ask for a look at the certificates: while a server starts, it is about to take that look anyway.
pub struct StopOrder {
    terminate: Signal,
    interrupt: Signal,
    _hang_up: Signal,
}

impl StopOrder {
    /// Takes the signals over. Needs a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the order. Cancelling loses nothing.
    pub async fn given(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for the order, then for `stop`, which finishes what is under way. A second order cuts that.
    pub async fn obey(&mut self, stop: impl Future<Output = ()>) {
        self.given().await;
        tracing::info!("stopping");
        match self.or(stop).await {
            Some(()) => tracing::info!("stopped"),
            None => tracing::warn!("stopped at once, as ordered again"),
        }
    }

    /// What `work` gives, or nothing when the order comes first; `work` is then given up.
    pub async fn or<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.given() => None,
            done = work => Some(done),
        }
    }
}

//! What one client may take from a listener before it is refused (R54).

use std::time::Duration;

use crate::config;

/// Bounds of a listener. Time limits and size limits of a request's body belong to its routes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub max_connections: usize,
    /// Of these, from one address; more are closed at once.
    pub max_connections_per_address: usize,
    /// From the connection to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the end of the handshake to the first request, and for every request's head.
    pub header_timeout: Duration,
    /// Without a request in flight.
    pub idle_timeout: Duration,
    /// Age at which a connection is asked to end after the requests in flight.
    pub max_connection_age: Duration,
    /// From that request to the cut.
    pub closing_grace: Duration,
    /// From the stop of the listener to the cut of whatever is still open.
    pub drain_timeout: Duration,
    /// Header fields of an HTTP/1 request; more get 431.
    pub max_headers: usize,
    /// Octets of a request's head; more get 431. At least 8 KiB.
    pub max_header_bytes: u32,
    /// Requests in flight on one HTTP/2 connection.
    pub max_streams: u32,
    /// Streams that a client may reset before they were answered, and those that we had to reset, before its HTTP/2
    /// connection is closed (CVE-2023-44487, CVE-2025-8671).
    pub max_reset_streams: usize,
    /// Interval of HTTP/2 pings; without an answer within as much again the connection is closed.
    pub ping_interval: Duration,
}

impl Limits {
    /// What is configured, and what need not be.
    pub fn of(configured: &config::Limits) -> Self {
        Self {
            max_connections: configured.max_connections.get(),
            max_connections_per_address: configured.share_of(configured.max_connections.get()),
            handshake_timeout: configured.handshake_timeout_seconds.duration(),
            header_timeout: configured.header_timeout_seconds.duration(),
            max_connection_age: configured.max_connection_age_seconds.duration(),
            drain_timeout: configured.drain_timeout_seconds.duration(),
            idle_timeout: Duration::from_secs(75), // a little more than common clients keep a connection
            closing_grace: Duration::from_secs(15),
            max_headers: 64,
            max_header_bytes: 32 * 1024,
            max_streams: 64,
            max_reset_streams: 32,
            ping_interval: Duration::from_secs(20),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(&config::Limits::default())
    }
}

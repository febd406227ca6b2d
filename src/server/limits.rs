//! What one client may take from a listener before it is refused (R54).

use std::time::Duration;

/// Bounds of a listener. Time limits and size limits of a request's body belong to its routes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue. Default 16,384.
    pub max_connections: usize,
    /// TLS handshakes at a time, counted from a complete ClientHello; more wait. Default 512.
    pub max_handshakes: usize,
    /// From the connection to the end of the TLS handshake. Default 10 s.
    pub handshake_timeout: Duration,
    /// From the end of the handshake to the first request, and for every request's head. Default 10 s.
    pub header_timeout: Duration,
    /// Without a request in flight. Default 75 s, a little more than common clients keep a connection.
    pub idle_timeout: Duration,
    /// Age at which a connection is asked to end after the requests in flight. Default 10 min.
    pub max_connection_age: Duration,
    /// From that request to the cut. Default 15 s.
    pub closing_grace: Duration,
    /// From the stop of the listener to the cut of whatever is still open. Default 20 s.
    pub drain_timeout: Duration,
    /// Header fields of an HTTP/1 request; more get 431. Default 64.
    pub max_headers: usize,
    /// Octets of a request's head; more get 431. At least 8 KiB, default 32 KiB.
    pub max_header_bytes: u32,
    /// Requests in flight on one HTTP/2 connection. Default 64.
    pub max_streams: u32,
    /// Streams that a client may reset before they were answered, and those that we had to reset, before its HTTP/2
    /// connection is closed (CVE-2023-44487, CVE-2025-8671). Default 32.
    pub max_reset_streams: usize,
    /// Interval of HTTP/2 pings; without an answer within as much again the connection is closed. Default 20 s.
    pub ping_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            max_handshakes: 512,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            max_connection_age: Duration::from_secs(600),
            closing_grace: Duration::from_secs(15),
            drain_timeout: Duration::from_secs(20),
            max_headers: 64,
            max_header_bytes: 32 * 1024,
            max_streams: 64,
            max_reset_streams: 32,
            ping_interval: Duration::from_secs(20),
        }
    }
}

//! Listeners: TLS, connections and their limits. What requests mean is decided elsewhere.

mod audit_checkpoints;
mod background;
pub mod certificate_watch;
mod client_verifier;
mod clock_watch;
mod concerns;
mod connection;
mod directory_watch;
mod expiry_watch;
mod framing;
mod handshake;
mod idleness;
mod key_rotation;
mod key_set_fetches;
pub mod limits;
mod linger;
mod listener;
mod listeners;
pub mod revocation_fetch;
mod running;
mod session_tickets;
mod stop_order;
pub mod tls;
pub mod tls_files;

pub use client_verifier::{ClientAuthentication, IsRegistered};
pub use concerns::Concern;
pub use limits::Limits;
pub use listener::{serve, serve_plain};
pub use running::{RunningServer, Sockets};
pub use stop_order::StopOrder;
pub use tls::ReloadableTls;
pub use tls_files::{ListenerName, TlsError, TlsFiles};

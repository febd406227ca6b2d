//! The Spine Directory Service (SDS), an LDAP directory: who owns an ASID, and what the system may do.
//!
//! Its answers are somebody else's: each message is checked before it is read, each value before it is used, and what is
//! odd about them is told beside the rest. No token request waits for it.
//!
//! ```text
//! connection.rs   TCP and TLS, with time limits      → octets
//! messages.rs     LDAP messages, checked and counted → messages that the LDAP library takes without a panic
//! search.rs       one search, with its limits        → entries
//! systems.rs      ASIDs, in portions                 → what is recorded for each
//! system.rs  endpoint.rs     one entry               → values, and problems
//! ```

mod connection;
mod endpoint;
mod entry;
mod error;
mod filter;
mod messages;
mod problems;
mod search;
mod system;
mod systems;
mod tls;

use crate::config;

pub use self::{endpoint::DirectoryEndpoint, error::DirectoryError, system::DirectorySystem};

/// A directory; each look-up has a connection of its own, so one that failed leaves nothing behind.
#[derive(Debug, Clone)]
pub struct Directory {
    settings: config::Directory,
    url: config::DirectoryUrl,
}

impl Directory {
    /// Reads the files that `settings` name, and connects to nothing. They are read again for each connection: a renewed
    /// certificate needs no restart.
    pub fn open(settings: &config::Directory) -> Result<Self, DirectoryError> {
        let url = settings.url.clone().ok_or(DirectoryError::NotConfigured)?;
        if url.has_tls() {
            tls::client_config(settings)?;
        }
        Ok(Self { settings: settings.clone(), url })
    }

    /// Where it is.
    pub fn url(&self) -> &config::DirectoryUrl {
        &self.url
    }
}

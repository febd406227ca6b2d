//! Where registrations are kept: SQLite or PostgreSQL, with one SQL text for both (migrations/README.md).

#[macro_use]
mod connection;

mod assertion_ids;
mod assurance_search;
mod assurances;
mod audit;
mod backup;
mod certificates;
mod change;
mod changes;
mod consumers;
mod credentials;
mod database;
mod error;
mod groups;
mod held;
mod idempotency;
mod key_set_fetches;
mod listen;
mod many_rows;
mod migrations;
mod ordered_merge;
mod proposals;
mod providers;
mod revoked_tokens;
mod signing_keys;
mod sqlite_file;

pub use assertion_ids::LARGEST_GROUP;
pub use assurance_search::AssuranceQuery;
pub use assurances::AssurancePeriod;
pub use audit::{AuditCheckpoint, AuditQuery};
pub use backup::BackupError;
pub use change::Change;
pub use changes::RegistryContents;
pub use consumers::Holder;
pub use credentials::CredentialUse;
pub use database::{Database, DatabaseSettings};
pub use error::StorageError;
pub use migrations::{MigrationState, MigrationStatus};

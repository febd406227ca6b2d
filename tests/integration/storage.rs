//! Where registrations are kept. Every test runs on SQLite and on PostgreSQL.

mod consumers;
mod credentials;
mod groups;
mod permissions;
mod providers;
mod revisions;
mod schema;

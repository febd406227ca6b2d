//! What tests are made of.

pub(crate) mod admin;
pub(crate) mod assertion;
pub(crate) mod authority;
pub(crate) mod changes;
pub(crate) mod command;
pub(crate) mod databases;
pub(crate) mod dev;
pub(crate) mod foreign;
pub(crate) mod key_host;
pub(crate) mod list_server;
pub(crate) mod listener;
pub(crate) mod log;
pub(crate) mod nginx;
pub(crate) mod openapi_contract;
pub(crate) mod postgres_proxy;
pub(crate) mod postgres_server;
pub(crate) mod process;
pub(crate) mod registrations;
pub(crate) mod requests;
pub(crate) mod seeded;
pub(crate) mod shell_blocks;
pub(crate) mod slapd;
pub(crate) mod soon;
pub(crate) mod test_server;
pub(crate) mod tls_client;
pub(crate) mod watchdog;

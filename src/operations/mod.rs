//! What the server does, one verb per file, called by HTTP and by the command line alike.

pub mod add_credentials;
pub mod block_certificate;
pub mod cap_certificates;
pub mod change_consumer;
pub mod change_status;
pub mod check_health;
pub mod end_credential;
pub mod extend_lists;
pub mod issue_token;
pub mod record_outcome;
pub mod register_consumer;
pub mod register_provider;
pub mod rotate_secret;

//! What the server does, one verb per file, called by HTTP and by the command line alike.

pub mod add_credentials;
pub mod assure_consumer;
pub mod block_certificate;
pub mod cap_certificates;
pub mod change_assurance;
pub mod change_consumer;
pub mod change_group;
pub mod change_organisation_type;
pub mod change_provider;
pub mod change_refused;
pub mod check_health;
pub mod decide_proposal;
pub mod end_credential;
pub mod estate;
pub mod give_assurance;
pub mod issue_token;
mod put_consumer;
mod put_provider;
pub mod record_outcome;
pub mod register_consumer;
pub mod register_provider;
pub mod rotate_secret;
mod settle_assurance;
pub mod verify_audit;

//! The server from outside: real sockets, certificates, databases and clients. One binary, one link.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scene cannot be set has failed")]

mod admin;
mod administration_guide;
mod assurance_commands;
mod certificate_command;
mod certificate_reload;
mod changes;
mod client_assertions;
mod client_authorities;
mod client_certificates;
mod client_trust;
mod command_line;
mod configuration;
mod connection_limits;
mod consumers_guide;
mod credential_commands;
mod directory;
mod discovery;
mod doctor_commands;
mod estate;
mod expiries;
mod floors;
mod framing;
mod http2_floods;
mod interop;

mod key_sets;
mod metrics;
mod openapi;
mod operator_commands;
mod outage;
mod provider;
mod proxies;
mod readme;
mod record;
mod registry;
mod replay;
mod requirements;
mod revocation_lists;
mod serving;
mod storage;
mod support;
mod tls;
mod token;
mod token_command;
mod untrusted_certificates;

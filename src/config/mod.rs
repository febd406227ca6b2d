//! Configuration: one TOML file, overridden key by key from the environment; a wrong or unknown key is refused.
//!
//! `sections` declares every key once, with its type, default and documentation; from that declaration come the
//! structs, the loader, the dump and `docs/configuration.md`.

mod addresses;
mod admin;
mod client_authorities;
mod database_url;
mod directory;
mod error;
mod file;
mod files;
mod gateway;
mod issuer;
mod keys;
mod load;
mod log;
mod networks;
mod proxies;
mod quantities;
pub mod reference;
mod sections;
mod serving;
mod setting;
mod standard_types;
mod tables;

pub use self::{
    addresses::ListenOrOff,
    admin::{AdminListener, Administrator},
    client_authorities::{ClientAuthorities, ClientAuthority, CrlSource, InDoubt},
    database_url::{DatabaseUrl, InvalidDatabaseUrl},
    directory::{BaseName, DirectoryUrl, OnDrift},
    error::{ConfigError, Place, Problem},
    files::FileFindings,
    gateway::{
        AskingProxy, ForwardAuth, GATEWAY_FILE, GatewayConfig, GatewayConfigError, GatewayTls, ReverseProxy,
        RevocationMode, StatusListener, UnsignedSection,
    },
    issuer::{InvalidIssuer, Issuer},
    keys::{KeyStoreName, Pkcs11Token, TokenLabel},
    load::{DEFAULT_FILE, FILE_VARIABLE, LoadedConfig, Origin, environment_name},
    log::{LogFilter, LogFormat},
    networks::Network,
    proxies::{ForwardedFormat, Proxy},
    quantities::{Count, Milliseconds, Seconds},
    sections::{Admin, Assertions, Config, Database, Directory, Keys, Limits, Log, Metrics, Record, Registry, Tls},
    serving::Serving,
    setting::{Entry, Setting},
    tables::{Table, Tables},
};

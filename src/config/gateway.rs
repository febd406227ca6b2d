//! The gateway's file: which issuer it trusts, for which provider, and what stands behind it.

mod load;
mod values;

use std::{net::SocketAddr, path::PathBuf};

use careconnect_verifier::{
    Algorithm, Asid, HeaderCheck, InteractionId, InteractionTable, ResponseProfile, SearchFilterMode, TrustedProxy,
};
use serde::Deserialize;

pub use load::GatewayConfigError;

use super::{ForwardedFormat, Issuer, LogFilter, LogFormat};
use crate::domain::ServiceRoot;
use values::{all_parsed, header_check, interactions, log_filter, log_format, parsed, search_filter};

/// The file that is read when none is named.
pub const GATEWAY_FILE: &str = "careconnect-gateway.toml";

/// Everything that the operator of a gateway can set. A relative path is relative to the directory of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayConfig {
    /// The issuer whose tokens count, as a whole string.
    #[serde(deserialize_with = "parsed")]
    pub issuer: Issuer,
    /// The provider's service root, as it is registered: the audience of its tokens.
    #[serde(deserialize_with = "parsed")]
    pub service_root: ServiceRoot,
    /// The path of the service root in the requests that arrive. Default: that of `service_root`.
    pub base_path: Option<String>,
    /// The provider's own ASIDs, of which `Ssp-To` must name one.
    #[serde(default)]
    pub asids: Vec<Asid>,
    /// What requests are, and which groups permit them: `care-connect`, `gp-connect`, or lines such as
    /// `GET /Slot search:slot`.
    #[serde(default = "InteractionTable::care_connect", deserialize_with = "interactions")]
    pub interactions: InteractionTable,
    /// Whose words refusals are answered in: `rfc6750`, `uec`, `nhs-booking`, `gpconnect`, `spine` or `bars`.
    #[serde(default, deserialize_with = "parsed")]
    pub response_profile: ResponseProfile,
    /// What becomes of `searchFilter`: `ignore`, `report`, `refuse` or `replace`.
    #[serde(default, deserialize_with = "search_filter")]
    pub search_filter: SearchFilterMode,
    /// How the headers of the SSP are taken.
    #[serde(default)]
    pub ssp: SspSection,
    /// How `NHSD-End-User-Organisation` is taken.
    #[serde(default, deserialize_with = "header_check")]
    pub end_user_organisation: HeaderCheck,
    /// Lets requests with unsigned tokens of GP Connect or the Spine through for some interactions, while consumers change over:
    /// whoever sends them may claim to be anybody.
    pub dangerously_admit_unsigned: Option<UnsignedSection>,
    /// How far clocks may differ; at most 60. Default: 5.
    pub leeway_seconds: Option<u32>,
    /// Refuses tokens that are not bound to a certificate.
    #[serde(default)]
    pub require_bound_tokens: bool,
    /// The algorithms that may sign tokens. Default: ES256 and RS256.
    pub algorithms: Option<Vec<Algorithm>>,
    /// Where the issuer's keys come from, and how long they do.
    #[serde(default)]
    pub keys: GatewayKeys,
    /// The issuer's revocations: `ignore`, `refuse-when-stale` or `accept-when-stale`.
    #[serde(default)]
    pub revocations: RevocationMode,
    /// The gateway as a reverse proxy, if it is to be one.
    pub reverse_proxy: Option<ReverseProxy>,
    /// The gateway as a forward-auth endpoint, if it is to be one.
    pub forward_auth: Option<ForwardAuth>,
    /// Health and metrics, if they are wanted.
    pub status: Option<StatusListener>,
    /// What is logged, and how.
    #[serde(default)]
    pub log: GatewayLog,
}

/// How each header of the SSP is taken: `required`, `when-sent`, `reported` or `off`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SspSection {
    #[serde(deserialize_with = "header_check")]
    pub from: HeaderCheck,
    #[serde(deserialize_with = "header_check")]
    pub to: HeaderCheck,
    #[serde(deserialize_with = "header_check")]
    pub interaction: HeaderCheck,
    #[serde(deserialize_with = "header_check")]
    pub trace_id: HeaderCheck,
}

/// Which unsigned tokens are let through.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsignedSection {
    /// For these interactions, as the table names them.
    pub interactions: Vec<InteractionId>,
    /// Of these issuers, which anybody can claim to be. Default: of any.
    pub issuers: Option<Vec<String>>,
}

/// Where the issuer's keys come from, and how long they do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayKeys {
    /// PEM: the authority of the issuer's certificate. Default: the system's.
    pub certificate_authority_file: Option<PathBuf>,
    /// Where the keys are kept for a start while the issuer is away.
    pub snapshot_file: Option<PathBuf>,
    /// How old keys may become while the issuer does not answer.
    pub serve_stale_for_seconds: u64,
}

impl Default for GatewayKeys {
    fn default() -> Self {
        Self { certificate_authority_file: None, snapshot_file: None, serve_stale_for_seconds: 24 * 60 * 60 }
    }
}

/// What becomes of what the issuer has withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationMode {
    /// Tokens count until they end.
    #[default]
    Ignore,
    /// It is refused; while the issuer cannot be asked, everything is.
    RefuseWhenStale,
    /// It is refused; while the issuer cannot be asked, what was not withdrawn by then is accepted.
    AcceptWhenStale,
}

/// A provider behind the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReverseProxy {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The provider: scheme, host and port; paths stay as they are.
    pub backend: String,
    /// PEM: the authority of the back-end's certificate. Default: the system's.
    pub backend_authority_file: Option<PathBuf>,
    /// How long the back-end may take.
    #[serde(default = "half_a_minute")]
    pub backend_timeout_seconds: u64,
    /// The longest body that is passed on.
    #[serde(default = "a_mebibyte")]
    pub max_body_bytes: usize,
    /// Requests at a time; more get 503.
    #[serde(default = "a_few_hundred")]
    pub max_requests_in_flight: usize,
    /// Passes the token on as well; the back-end does not need it.
    #[serde(default)]
    pub forward_token: bool,
    /// Proxies whose `Client-Cert` header is believed: addresses, networks, or the SHA-256 of their certificates.
    #[serde(default, deserialize_with = "all_parsed")]
    pub trusted_proxies: Vec<TrustedProxy>,
    /// The gateway's own TLS; without it, it speaks plain HTTP.
    pub tls: Option<GatewayTls>,
    /// Plain HTTP that other machines can reach: whoever listens in between gets the tokens.
    #[serde(default)]
    pub dangerously_allow_plain_http_beyond_loopback: bool,
}

/// Certificates of the gateway's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayTls {
    /// PEM: the certificate, then its intermediates.
    pub certificate_file: PathBuf,
    /// PEM: its private key.
    pub key_file: PathBuf,
    /// PEM: authorities of which every client must have a certificate, such as the SSP's. Without any, none is asked for.
    #[serde(default)]
    pub client_ca_files: Vec<PathBuf>,
}

/// An endpoint that another proxy asks before it passes a request on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardAuth {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who asks: `nginx`, `envoy` or `traefik`.
    pub proxy: AskingProxy,
    /// In which form the asking proxy passes the caller's certificate on, if it does: as in `docs/proxies.md`.
    pub certificate_format: Option<ForwardedFormat>,
    /// An address that other machines can reach: whoever can reach it is taken for the proxy.
    #[serde(default)]
    pub dangerously_allow_beyond_loopback: bool,
}

/// Each has its own way to tell of the request that it asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskingProxy {
    /// `auth_request`: in `X-Original-Method` and `X-Original-URI`, as configured.
    Nginx,
    /// `ext_authz` over HTTP: the request's own method, and its path behind a prefix.
    Envoy,
    /// `ForwardAuth`: in `X-Forwarded-Method` and `X-Forwarded-Uri`.
    Traefik,
}

/// Health and metrics.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusListener {
    /// Where: `/health/live`, `/health/ready`, `/metrics`.
    pub listen: SocketAddr,
}

/// What is logged, and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayLog {
    /// Directives such as `info` or `info,careconnect_verifier=debug`.
    #[serde(deserialize_with = "log_filter")]
    pub level: LogFilter,
    /// `people` or `json`.
    #[serde(deserialize_with = "log_format")]
    pub format: LogFormat,
}

fn half_a_minute() -> u64 {
    30
}

fn a_mebibyte() -> usize {
    1024 * 1024
}

fn a_few_hundred() -> usize {
    256
}

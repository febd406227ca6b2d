//! `dev.json`: what scripts in any language need to know of a demo server. Paths are absolute, files are PEM.

use std::path::PathBuf;

use careconnect_verifier::Algorithm;
use serde::Serialize;

use crate::domain::ProviderSystem;

/// The whole document; fields that do not apply are left out.
#[derive(Debug, Serialize)]
pub(super) struct Manifest {
    pub(super) issuer: String,
    pub(super) token_endpoint: String,
    pub(super) introspection_endpoint: String,
    pub(super) revocation_endpoint: String,
    pub(super) jwks_uri: String,
    pub(super) metadata_url: String,
    pub(super) ca_file: PathBuf,
    pub(super) admin: AdminEntry,
    /// The configuration that the other commands take to work on this server.
    pub(super) config_file: PathBuf,
    pub(super) providers: Vec<ProviderEntry>,
    pub(super) consumers: Vec<ConsumerEntry>,
}

/// The admin API, and the certificate of somebody who may do everything there.
#[derive(Debug, Serialize)]
pub(super) struct AdminEntry {
    pub(super) base_url: String,
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
}

#[derive(Debug, Serialize)]
pub(super) struct ProviderEntry {
    asid: String,
    ods_code: String,
    pub(super) base_url: String,
    signing_alg: &'static str,
    certificate_bound: bool,
    claims_profile: &'static str,
}

impl From<&ProviderSystem> for ProviderEntry {
    fn from(provider: &ProviderSystem) -> Self {
        Self {
            asid: provider.asid.to_string(),
            ods_code: provider.ods_code.to_string(),
            base_url: provider.service_root.to_string(),
            signing_alg: provider.signing_algorithm.name(),
            certificate_bound: provider.certificate_bound,
            claims_profile: provider.claims_profile.name(),
        }
    }
}

/// A consumer, and what it proves itself with.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ConsumerEntry {
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) asid: String,
    pub(super) ods_code: String,
    pub(super) org_type: String,
    pub(super) groups: Vec<String>,
    pub(super) auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cert_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_file: Option<PathBuf>,
    /// The private key once more, as a JWK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwk_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alg: Option<Algorithm>,
    /// What its assertions say in `aud`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assertion_audience: Option<String>,
    pub(super) status: &'static str,
}

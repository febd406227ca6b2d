//! Registers a provider.

use std::collections::BTreeSet;

use careconnect_verifier::{Algorithm, Asid, Group, OdsCode};

use crate::{
    clock::UnixTime,
    domain::{ClaimsProfile, DisplayName, ProviderSystem, RegistrationStatus, ServiceRoot, TokenLifetime},
    storage::{Database, StorageError},
};

/// What an administrator submits.
#[derive(Debug, Clone)]
pub struct ProviderRegistration {
    /// Its accredited system.
    pub asid: Asid,
    /// The organisation that publishes.
    pub ods_code: OdsCode,
    /// What people call it.
    pub name: DisplayName,
    /// The audience of its tokens.
    pub service_root: ServiceRoot,
    /// What they are signed with.
    pub signing_algorithm: Algorithm,
    /// How long they live.
    pub token_lifetime: TokenLifetime,
    /// Whether they name the consumer's certificate.
    pub certificate_bound: bool,
    /// Their shape.
    pub claims_profile: ClaimsProfile,
    /// The groups that it honours.
    pub groups: BTreeSet<Group>,
}

/// Registers a provider. An unregistered group, or an ASID or service root that is taken, is refused by the database,
/// and nothing is changed.
pub async fn register_provider(
    database: &Database,
    registration: ProviderRegistration,
    now: UnixTime,
) -> Result<ProviderSystem, StorageError> {
    let provider = ProviderSystem {
        asid: registration.asid,
        ods_code: registration.ods_code,
        name: registration.name,
        service_root: registration.service_root,
        signing_algorithm: registration.signing_algorithm,
        token_lifetime: registration.token_lifetime,
        certificate_bound: registration.certificate_bound,
        claims_profile: registration.claims_profile,
        groups: registration.groups,
        status: RegistrationStatus::Active,
        created_at: now,
    };
    database.insert_provider(&provider).await?;
    tracing::info!(asid = %provider.asid, service_root = %provider.service_root, "provider registered");
    Ok(provider)
}

//! Registers a provider.

use std::collections::BTreeMap;

use careconnect_verifier::{Algorithm, Asid, Group, OdsCode};

use super::{change_refused::ChangeRefused, put_provider::put_provider};
use crate::{
    domain::{
        Act, ClaimsProfile, DisplayName, HonouredGroup, ProviderSystem, RegisteredCertificate, RegistrationStatus,
        ServiceRoot, TokenLifetime,
    },
    storage::Database,
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
    /// The groups that it honours, each with those whom it admits for it.
    pub groups: BTreeMap<Group, HonouredGroup>,
    /// What proves that a caller is it.
    pub certificates: Vec<RegisteredCertificate>,
}

/// Registers a provider. An unregistered group, an ASID or service root that is taken, or an ASID of another organisation is refused,
/// and nothing is changed.
pub async fn register_provider(
    database: &Database,
    registration: ProviderRegistration,
    act: Act,
) -> Result<ProviderSystem, ChangeRefused> {
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
        certificates: RegisteredCertificate::in_order(registration.certificates),
        status: RegistrationStatus::Active,
        created_at: act.at,
    };
    let mut change = database.begin(act).await?;
    let outcome = put_provider(&mut change, None, &provider).await;
    change.finish(outcome).await?;
    tracing::info!(asid = %provider.asid, service_root = %provider.service_root, "provider registered");
    Ok(provider)
}

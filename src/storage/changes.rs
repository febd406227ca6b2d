//! What the registry holds, and what of it changed after a revision.

use super::{
    AssurancePeriod, Database, StorageError,
    assurances::read_periods,
    certificates::{read_blocked_certificates, read_certificate_policies},
    consumers::{self, read_consumers},
    groups::{read_groups, read_organisation_types},
    providers::{self, read_providers},
    revoked_tokens::read_revoked_tokens,
    signing_keys::read_signing_keys,
};
use crate::domain::{
    BlockedCertificate, CertificatePolicy, ConsumerSystem, GroupDefinition, OrganisationTypeDefinition, ProviderSystem,
    RevokedToken, SigningKeyRecord,
};

/// Registrations as they were committed at one revision: all, or those that changed after another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistryContents {
    /// The last change that is included.
    pub revision: i64,
    /// Consumers in the order of their client ids.
    pub consumers: Vec<ConsumerSystem>,
    /// Providers in the order of their ASIDs.
    pub providers: Vec<ProviderSystem>,
    /// Groups in the order of their URNs.
    pub groups: Vec<GroupDefinition>,
    /// Organisation types in the order of their codes.
    pub organisation_types: Vec<OrganisationTypeDefinition>,
    /// When assurances stand, by subject and group.
    pub assurances: Vec<AssurancePeriod>,
    /// Blocked certificates, and those that were blocked once, by issuer and serial number.
    pub blocked_certificates: Vec<BlockedCertificate>,
    /// Certificate policies, removed ones too, in the order of their names.
    pub certificate_policies: Vec<CertificatePolicy>,
    /// Signing keys, ended ones too, in the order of their turns.
    pub signing_keys: Vec<SigningKeyRecord>,
    /// Tokens that are revoked, by consumer.
    pub revoked_tokens: Vec<RevokedToken>,
}

/// Reads what the registry holds in one state of the database.
macro_rules! read_contents {
    ($database:expr, $consumers:expr, $first:expr, $revision:expr) => {
        in_snapshot!($database, follower, |transaction| {
            let latest = sqlx::query_as("SELECT revision FROM registry_revision").fetch_one(&mut *transaction);
            let (revision,) = latest.await?;
            RegistryContents {
                revision,
                consumers: read_consumers!(transaction, $consumers, $first),
                providers: read_providers!(transaction, providers::CHANGED_SINCE, $revision),
                groups: read_groups!(transaction, $revision),
                organisation_types: read_organisation_types!(transaction, $revision),
                assurances: read_periods!(transaction, $revision),
                blocked_certificates: read_blocked_certificates!(transaction, $revision),
                certificate_policies: read_certificate_policies!(transaction, $revision),
                signing_keys: read_signing_keys!(transaction, $revision),
                revoked_tokens: read_revoked_tokens!(transaction, $revision),
            }
        })
    };
}

impl Database {
    /// Everything, by a fixed number of queries.
    pub async fn load_all(&self) -> Result<RegistryContents, StorageError> {
        read_contents!(self, consumers::FROM, "", 0_i64)
    }

    /// Everything that was added or changed after `revision`.
    pub async fn changes_since(&self, revision: i64) -> Result<RegistryContents, StorageError> {
        read_contents!(self, consumers::CHANGED_SINCE, revision, revision)
    }
}

//! Changes of the register as tests make them: past the operations, on nobody's word.

use careconnect_auth::{
    clock::UnixTime,
    domain::{
        Act, Actor, Assurance, BlockedCertificate, CertificatePolicy, ConsumerSystem, GroupDefinition,
        OrganisationTypeDefinition, Period, ProviderSystem, RegistrationStatus, Via,
    },
    storage::{Database, StorageError},
};
use careconnect_verifier::{Asid, ClientId, Group};

use super::registrations::REGISTERED_AT;

/// Somebody's word, at that time.
pub(crate) fn act(at: UnixTime) -> Act {
    Act {
        actor: Actor { name: "tester".to_owned(), via: Via::CommandLine },
        at,
        reason: Some("a test".to_owned()),
        trace_id: None,
        four_eyes: false,
        repeatable: None,
    }
}

/// As a status, whenever that was.
pub(crate) const SUSPENDED: RegistrationStatus = RegistrationStatus::Suspended { at: REGISTERED_AT };
pub(crate) const RETIRED: RegistrationStatus = RegistrationStatus::Retired { at: REGISTERED_AT };

/// One change, with the value of `$step`.
macro_rules! changing {
    ($database:expr, |$change:ident| $step:expr) => {{
        let mut $change = $database.begin(act(REGISTERED_AT)).await?;
        let outcome: Result<_, StorageError> = async { $step }.await;
        $change.finish(outcome).await
    }};
}

pub(crate) trait Changes {
    async fn insert_consumer(&self, consumer: &ConsumerSystem) -> Result<(), StorageError>;
    async fn put_consumer(&self, before: &ConsumerSystem, after: &ConsumerSystem) -> Result<(), StorageError>;
    async fn set_consumer_status(&self, client_id: &ClientId, status: RegistrationStatus) -> Result<(), StorageError>;
    async fn insert_provider(&self, provider: &ProviderSystem) -> Result<(), StorageError>;
    async fn set_provider_status(&self, asid: &Asid, status: RegistrationStatus) -> Result<(), StorageError>;
    async fn insert_group(&self, definition: &GroupDefinition) -> Result<(), StorageError>;
    async fn insert_organisation_type(&self, definition: &OrganisationTypeDefinition) -> Result<(), StorageError>;
    async fn put_blocked(&self, blocked: &BlockedCertificate) -> Result<(), StorageError>;
    async fn insert_certificate_policy(&self, policy: &CertificatePolicy) -> Result<(), StorageError>;
    /// Assures all four behind a consumer, from the beginning of time.
    async fn assure(&self, consumer: &ConsumerSystem, groups: &[Group]) -> Result<(), StorageError>;
}

impl Changes for Database {
    async fn insert_consumer(&self, consumer: &ConsumerSystem) -> Result<(), StorageError> {
        changing!(self, |change| change.put_consumer(None, consumer).await)
    }

    async fn put_consumer(&self, before: &ConsumerSystem, after: &ConsumerSystem) -> Result<(), StorageError> {
        changing!(self, |change| change.put_consumer(Some(before), after).await)
    }

    async fn set_consumer_status(&self, client_id: &ClientId, status: RegistrationStatus) -> Result<(), StorageError> {
        changing!(self, |change| {
            let found = change.consumer(client_id).await?;
            let before = found.ok_or_else(|| StorageError::not_found("consumer", client_id))?;
            change.put_consumer(Some(&before), &ConsumerSystem { status, ..before.clone() }).await
        })
    }

    async fn insert_provider(&self, provider: &ProviderSystem) -> Result<(), StorageError> {
        changing!(self, |change| change.put_provider(None, provider).await)
    }

    async fn set_provider_status(&self, asid: &Asid, status: RegistrationStatus) -> Result<(), StorageError> {
        changing!(self, |change| {
            let found = change.provider(asid).await?;
            let before = found.ok_or_else(|| StorageError::not_found("provider", asid))?;
            change.put_provider(Some(&before), &ProviderSystem { status, ..before.clone() }).await
        })
    }

    async fn insert_group(&self, definition: &GroupDefinition) -> Result<(), StorageError> {
        changing!(self, |change| change.put_group(None, definition).await)
    }

    async fn insert_organisation_type(&self, definition: &OrganisationTypeDefinition) -> Result<(), StorageError> {
        changing!(self, |change| change.put_organisation_type(None, definition).await)
    }

    async fn put_blocked(&self, blocked: &BlockedCertificate) -> Result<(), StorageError> {
        changing!(self, |change| change.put_blocked_certificate(None, blocked).await)
    }

    async fn insert_certificate_policy(&self, policy: &CertificatePolicy) -> Result<(), StorageError> {
        changing!(self, |change| change.put_certificate_policy(None, policy).await)
    }

    async fn assure(&self, consumer: &ConsumerSystem, groups: &[Group]) -> Result<(), StorageError> {
        changing!(self, |change| {
            for subject in consumer.assured_subjects() {
                for group in groups {
                    let assurance = Assurance {
                        subject: subject.clone(),
                        group: group.clone(),
                        evidence: "a test".to_owned(),
                        period: Period { starts_at: UnixTime(0), ends_at: None, suspended_at: None },
                        recorded_by: "tester".to_owned(),
                        recorded_at: UnixTime(0),
                        confirmed_by: None,
                    };
                    change.put_assurance(None, &assurance).await?;
                }
            }
            Ok(())
        })
    }
}

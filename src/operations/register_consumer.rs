//! Registers a consumer, and makes its secret if it shall have one.

use std::{collections::BTreeSet, sync::Arc};

use careconnect_verifier::{Asid, ClientId, Group};

use crate::{
    authentication::secret_hash,
    blocking::blocking,
    clock::UnixTime,
    domain::{
        ClientSecret, ConsumerSystem, Credential, CredentialId, CredentialKind, DisplayName, Organisation,
        RegistrationStatus,
    },
    random,
    storage::{Database, StorageError},
};

/// What an administrator submits.
#[derive(Debug, Clone)]
pub struct ConsumerRegistration {
    /// An id that must be kept, as from another system; otherwise one is made.
    pub client_id: Option<ClientId>,
    /// What people call the service.
    pub name: DisplayName,
    /// Its accredited system.
    pub asid: Asid,
    /// Who delivers it.
    pub organisation: Organisation,
    /// What it has been assured to do.
    pub groups: BTreeSet<Group>,
    /// What it may prove itself with, beside a new secret.
    pub credentials: Vec<CredentialKind>,
    /// Whether its assertions may name the token endpoint as their audience.
    pub accepts_token_endpoint_audience: bool,
    /// How many tokens it may ask for in a minute; none for the configuration's limit.
    pub requests_per_minute: Option<u32>,
    /// Whether it gets a secret.
    pub with_secret: bool,
}

/// The registration, and the secret that nobody will ever see again (R16).
#[derive(Debug)]
pub struct RegisteredConsumer {
    /// The registration.
    pub consumer: ConsumerSystem,
    /// To be shown once.
    pub secret: Option<ClientSecret>,
}

/// Registers a consumer. An unregistered group or organisation type, or a client id that is taken, is refused by the
/// database, and nothing is changed.
pub async fn register_consumer(
    database: &Database,
    registration: ConsumerRegistration,
    now: UnixTime,
) -> Result<RegisteredConsumer, StorageError> {
    let secret = registration.with_secret.then(ClientSecret::generate);
    let client_id = registration.client_id.unwrap_or_else(random::client_id);
    let owner = client_id.clone();
    let (secret, hash) = blocking(move || {
        let hash = secret.as_ref().map(|secret| secret_hash::hash(secret, &owner));
        (secret, hash)
    })
    .await;
    let secrets = hash.into_iter().map(CredentialKind::Secret);
    let credential = |kind: CredentialKind| {
        let id = CredentialId(random::uuid());
        Arc::new(Credential { id, label: kind.name().to_owned(), kind, starts_at: now, ends_at: None })
    };
    let consumer = ConsumerSystem {
        client_id,
        name: registration.name,
        asid: registration.asid,
        organisation: registration.organisation,
        groups: registration.groups,
        credentials: secrets.chain(registration.credentials).map(credential).collect(),
        accepts_token_endpoint_audience: registration.accepts_token_endpoint_audience,
        requests_per_minute: registration.requests_per_minute,
        status: RegistrationStatus::Active,
        created_at: now,
    };
    database.insert_consumer(&consumer).await?;
    tracing::info!(client_id = %consumer.client_id, asid = %consumer.asid, "consumer registered");
    Ok(RegisteredConsumer { consumer, secret })
}

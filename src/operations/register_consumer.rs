//! Registers a consumer, makes its secret if it shall have one, and records what it is assured for.

use std::collections::BTreeSet;

use careconnect_verifier::{Asid, ClientId, Group, OdsCode};

use super::{
    add_credentials::{NewCredential, NewCredentialKind, made, with_credentials},
    change_refused::ChangeRefused,
    give_assurance::{Given, NewAssurance, give, recorded},
    put_consumer::put_consumer,
};
use crate::{
    clock::UnixTime,
    domain::{
        Act, AssuredSubject, ClientSecret, ConsumerSystem, CredentialKind, DisplayName, Organisation, PartyKey,
        RegistrationStatus,
    },
    random,
    storage::{Change, Database},
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
    /// Who supplies that system.
    pub supplier: OdsCode,
    /// What the supplier calls it.
    pub product: Option<DisplayName>,
    /// Which version of it is in use.
    pub product_version: Option<DisplayName>,
    /// The key that ties it to its endpoints in the Spine Directory Service.
    pub party_key: Option<PartyKey>,
    /// What it may prove itself with, beside a new secret.
    pub credentials: Vec<CredentialKind>,
    /// Whether its assertions may name the token endpoint as their audience.
    pub accepts_token_endpoint_audience: bool,
    /// How many tokens it may ask for in a minute; none for the configuration's limit.
    pub requests_per_minute: Option<u32>,
    /// Whether it gets a secret.
    pub with_secret: bool,
    /// What all four behind it are assured to do, as far as this is not recorded yet.
    pub groups: BTreeSet<Group>,
    /// On what grounds; needed where there are groups.
    pub evidence: Option<String>,
}

/// The registration, and the secret that nobody will ever see again (R16).
#[derive(Debug)]
pub struct RegisteredConsumer {
    /// The registration.
    pub consumer: ConsumerSystem,
    /// To be shown once.
    pub secret: Option<ClientSecret>,
    /// What was recorded, or proposed, of the four behind it.
    pub given: Vec<Given>,
}

/// Registers a consumer. An unregistered group or organisation type, a client id that is taken, or an ASID of another
/// organisation is refused, and nothing is changed.
pub async fn register_consumer(
    database: &Database,
    registration: ConsumerRegistration,
    act: Act,
) -> Result<RegisteredConsumer, ChangeRefused> {
    register_consumer_with(database, registration, Vec::new(), act).await
}

/// The same, with further ways in that have labels, starts and ends of their own.
pub async fn register_consumer_with(
    database: &Database,
    registration: ConsumerRegistration,
    further: Vec<NewCredential>,
    act: Act,
) -> Result<RegisteredConsumer, ChangeRefused> {
    if !registration.groups.is_empty() && registration.evidence.is_none() {
        return Err(ChangeRefused::at("/evidence", "it is missing: an assurance rests on something"));
    }
    let secret = registration.with_secret.then(ClientSecret::generate);
    let consumer = consumer_of(&registration, secret.clone(), further, act.at).await?;
    let mut change = database.begin(act).await?;
    let outcome = register(&mut change, &consumer, registration).await;
    let given = change.finish(outcome).await?;
    tracing::info!(client_id = %consumer.client_id, asid = %consumer.asid, "consumer registered");
    Ok(RegisteredConsumer { consumer, secret, given })
}

async fn consumer_of(
    registration: &ConsumerRegistration,
    secret: Option<ClientSecret>,
    further: Vec<NewCredential>,
    now: UnixTime,
) -> Result<ConsumerSystem, ChangeRefused> {
    let client_id = registration.client_id.clone().unwrap_or_else(random::client_id);
    let public = registration.credentials.iter().cloned().map(NewCredentialKind::Public);
    let plain = secret.map(NewCredentialKind::Secret).into_iter().chain(public);
    let plain = plain.map(|kind| NewCredential { kind, label: None, starts_at: None, ends_at: None });
    let mut credentials = Vec::new();
    for new in plain.chain(further) {
        credentials.push(made(new, &client_id, now).await?);
    }
    let consumer = ConsumerSystem {
        client_id,
        name: registration.name.clone(),
        asid: registration.asid.clone(),
        organisation: registration.organisation.clone(),
        supplier: registration.supplier.clone(),
        product: registration.product.clone(),
        product_version: registration.product_version.clone(),
        party_key: registration.party_key.clone(),
        credentials: Vec::new(),
        accepts_token_endpoint_audience: registration.accepts_token_endpoint_audience,
        requests_per_minute: registration.requests_per_minute,
        status: RegistrationStatus::Active,
        created_at: now,
    };
    with_credentials(&consumer, &credentials)
}

async fn register(
    change: &mut Change,
    consumer: &ConsumerSystem,
    registration: ConsumerRegistration,
) -> Result<Vec<Given>, ChangeRefused> {
    put_consumer(change, None, consumer).await?;
    let (now, evidence) = (change.act().at, registration.evidence.unwrap_or_default());
    let mut given = Vec::new();
    for group in registration.groups {
        for subject in consumer.assured_subjects() {
            let known = recorded(change, &subject, &group).await?;
            let is_given_anew = matches!(subject, AssuredSubject::Service(_));
            match known {
                Some(known) if !is_given_anew && known.period.lapse_at(now).is_some() => {
                    return Err(ChangeRefused::Conflict(format!(
                        "what is assured of the {subject} for {group} does not stand: restore it first, or register without \
                         this group"
                    )));
                }
                Some(_) => {}
                None => {
                    let (group, evidence) = (group.clone(), evidence.clone());
                    let wanted = NewAssurance { subject, group, evidence, starts_at: None, ends_at: None };
                    given.push(give(change, wanted).await?);
                }
            }
        }
    }
    Ok(given)
}

//! The register in memory keeps up with the database.

mod told;

use std::{sync::Arc, time::Duration};

use careconnect_auth::{
    clock::{Clock, ManualClock, UnixTime},
    domain::{
        Audience, CertificateIdentity, CertificateThumbprint, ConsumerSystem, GroupDefinition, RegistrationStatus,
    },
    registry::Registry,
};
use careconnect_verifier::{ClientId, Group};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use crate::support::{
    changes::Changes,
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer, consumer_with, provider},
    soon::until,
};

const READ_SLOT_OBJECT_ID: Uuid = uuid::uuid!("ab412fe9-3f68-4368-9810-9dc24d1659b1");

struct Followed {
    registry: Arc<Registry>,
    clock: Arc<ManualClock>,
    _task: AbortOnDropHandle<()>,
}

async fn follow(database: &TestDatabase) -> Followed {
    follow_every(Duration::from_millis(250), database).await
}

async fn follow_every(interval: Duration, database: &TestDatabase) -> Followed {
    let clock = Arc::new(ManualClock::at(REGISTERED_AT));
    let handle = database.another_handle().await;
    let registry = Arc::new(Registry::load(handle, clock.clone()).await.unwrap());
    let task = tokio::spawn(registry.clone().follow(interval, CancellationToken::new()));
    Followed { registry, clock, _task: AbortOnDropHandle::new(task) }
}

fn clients_of(registry: &Registry, identity: &CertificateIdentity) -> Vec<ClientId> {
    registry.consumers_with(identity).iter().map(|consumer| consumer.client_id.clone()).collect()
}

fn is_suspended(registry: &Registry, consumer: &ConsumerSystem) -> bool {
    registry.consumer(consumer.client_id.as_str()).is_some_and(|consumer| !consumer.is_active())
}

#[tokio::test]
async fn what_is_registered_is_found_by_all_its_names() {
    let database = TestDatabase::fresh().await;
    let thumbprint = CertificateThumbprint::of_der(b"certificate");
    let identity = CertificateIdentity::Thumbprint(thumbprint);
    let (one, two, provider) = (consumer_with(&identity), consumer_with(&identity), provider("200000000001"));
    for consumer in [&one, &two, &consumer()] {
        database.handle().insert_consumer(consumer).await.unwrap();
    }
    database.handle().insert_provider(&provider).await.unwrap();

    let registry = follow(&database).await.registry;

    assert_eq!(registry.consumer(one.client_id.as_str()).as_deref(), Some(&one));
    assert_eq!(registry.consumer("' OR 1 = 1"), None);
    let (mut clients, mut both) = (clients_of(&registry, &identity), [one.client_id, two.client_id]);
    clients.sort();
    both.sort();
    assert_eq!(clients, both);
    let knows = |thumbprint| registry.has_credential_for(&CertificateIdentity::Thumbprint(thumbprint));
    assert!(knows(thumbprint) && !knows(CertificateThumbprint::of_der(b"other")));
    for audience in [Audience::Asid(provider.asid.clone()), Audience::ServiceRoot(provider.service_root.clone())] {
        assert_eq!(registry.provider(&audience).as_deref(), Some(&provider));
    }
    assert_eq!((registry.counts(), registry.groups().len()), ((3, 1), 5));
    assert_eq!(registry.entra_object_id(&Group::READ_SLOT), Some(READ_SLOT_OBJECT_ID));
}

#[tokio::test]
async fn a_change_made_elsewhere_is_seen() {
    let database = TestDatabase::fresh().await;
    let identity = CertificateIdentity::parse("san_dns", "a.nhs.uk").unwrap();
    let (old, new) = (consumer(), consumer_with(&identity));
    database.handle().insert_consumer(&old).await.unwrap();
    let Followed { registry, .. } = &follow(&database).await;

    database.handle().insert_consumer(&new).await.unwrap();
    until("a new consumer", async || registry.consumer(new.client_id.as_str()).is_some()).await;
    assert_eq!(clients_of(registry, &identity), std::slice::from_ref(&new.client_id));

    for consumer in [&old, &new] {
        let status = RegistrationStatus::Suspended { at: UnixTime(1) };
        database.handle().set_consumer_status(&consumer.client_id, status).await.unwrap();
        until("a suspended consumer", async || is_suspended(registry, consumer)).await;
    }
    assert_eq!(clients_of(registry, &identity), [new.client_id]);
    assert_eq!(registry.counts(), (2, 0));
}

#[tokio::test]
async fn new_providers_and_groups_are_seen() {
    let database = TestDatabase::fresh().await;
    let Followed { registry, .. } = &follow(&database).await;
    let (provider, group) = (provider("200000000001"), Group::parse("urn:nhs:names:services:other").unwrap());
    let definition = GroupDefinition {
        group: group.clone(),
        scope: "other".parse().unwrap(),
        interactions: [].into(),
        entra_object_id: None,
        suspended_at: None,
    };
    database.handle().insert_group(&definition).await.unwrap();
    database.handle().insert_provider(&provider).await.unwrap();
    until("a new group", async || registry.groups().iter().any(|known| known.group == group)).await;
    until("a new provider", async || registry.provider(&Audience::Asid(provider.asid.clone())).is_some()).await;
    assert_eq!(registry.groups().len(), 6);
}

#[tokio::test]
async fn memory_outlives_the_database_and_agrees_with_it_again() {
    let database = TestDatabase::fresh().await;
    let registered = consumer();
    database.handle().insert_consumer(&registered).await.unwrap();
    let Followed { registry, clock, .. } = &follow(&database).await;

    for _ in 0..2 {
        database.take_away().await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        clock.advance(100);
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(registry.consumer(registered.client_id.as_str()).is_some());
        assert_eq!(registry.age(clock.now()), 100);

        database.give_back().await;
        until("agreement", async || registry.age(clock.now()) == 0).await;
        let late = consumer();
        database.handle().insert_consumer(&late).await.unwrap();
        until("a consumer registered after the outage", async || registry.consumer(late.client_id.as_str()).is_some())
            .await;
    }
}

#[tokio::test]
async fn connections_that_get_no_answer_any_more_are_given_up() {
    let database = TestDatabase::fresh().await;
    let Followed { registry, .. } = &follow(&database).await;
    if !database.freeze_connections() {
        return;
    }
    let late = consumer();
    database.another_handle().await.insert_consumer(&late).await.unwrap();
    until("a consumer", async || registry.consumer(late.client_id.as_str()).is_some()).await;
}

#[tokio::test]
async fn a_database_whose_revisions_went_back_is_read_anew() {
    let database = TestDatabase::fresh().await;
    let (kept, lost) = (consumer(), consumer());
    database.handle().insert_consumer(&kept).await.unwrap();
    database.handle().insert_consumer(&lost).await.unwrap();
    let Followed { registry, .. } = &follow(&database).await;
    database
        .tamper(
            "DELETE FROM credentials WHERE client_id = \
             (SELECT client_id FROM consumers WHERE revision = (SELECT revision FROM registry_revision))",
        )
        .await;
    database.tamper("DELETE FROM consumers WHERE revision = (SELECT revision FROM registry_revision)").await;
    database.tamper("UPDATE registry_revision SET revision = revision - 1").await;
    until("what a restored backup lacks is gone", async || registry.consumer(lost.client_id.as_str()).is_none()).await;
    assert!(registry.consumer(kept.client_id.as_str()).is_some());
}

#[tokio::test]
async fn five_thousand_consumers_are_read_each_with_its_own_parts() {
    let database = TestDatabase::fresh().await;
    database
        .tamper(
            "WITH RECURSIVE counted (n) AS (SELECT 10001 UNION ALL SELECT n + 1 FROM counted WHERE n < 15000)
         INSERT INTO consumers (client_id, name, asid, ods_code, organisation_type, created_at, revision)
         SELECT 'c-' || n, 'name ' || n, '2000000' || n, 'A1001', 'urgent-care', n, 1 FROM counted",
        )
        .await;
    database
        .tamper(
            "INSERT INTO assurances (subject, identifier, urn, evidence, starts_at, recorded_by, recorded_at, revision)
         SELECT 'service', client_id, urn, 'a test', 0, 'tester', 0, 1 FROM consumers, groups WHERE urn LIKE '%:slot'",
        )
        .await;
    let Followed { registry, .. } = &follow(&database).await;
    assert_eq!(registry.counts(), (5_000, 0));
    for n in [10_001, 12_345, 15_000] {
        let consumer = registry.consumer(&format!("c-{n}")).unwrap();
        let assured = registry.assured(&consumer).recorded().count();
        assert_eq!((consumer.asid.as_str(), assured), (format!("2000000{n}").as_str(), 1));
    }
}

//! The register, held against the directory.

use std::sync::Arc;

use careconnect_auth::{
    clock::ManualClock,
    directory::{Directory, DirectoryError},
    domain::{Act, Actor, CertificateIdentity, ConsumerSystem, DirectoryComparison, RegistrationStatus, Via},
    operations::{compare_with_directory::compare_with_directory, suspend_drifted::suspend_drifted},
    registry::Registry,
    storage::AuditQuery,
};
use careconnect_verifier::Group;

use super::{
    CONSUMER, PROVIDER, UNKNOWN, asid,
    entries::{READ, endpoint, system},
};
use crate::support::{
    changes::{Changes, act},
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer, consumer_with, provider},
    slapd::Slapd,
    soon::soon,
};

/// A consumer that has a party, and so a name.
const WITH_PARTY: &str = "200000100020";

struct Scene {
    slapd: Slapd,
    database: TestDatabase,
}

impl Scene {
    async fn new() -> Self {
        let place = "nhsMHSEndPoint: https://booking.nhs.uk/1\nnhsMhsFQDN: booking.nhs.uk\n";
        let parts = "nhsMHsSN: urn:nhs:names:services:careconnect\nnhsMHsIN: fhir:rest:read:slot\n";
        let entries = [
            system(WITH_PARTY, "T11111-1", &format!("nhsIDCode: T11111\nnhsAsClient: T22222\nnhsAsSvcIA: {READ}\n")),
            endpoint("S1", "T11111-1", &format!("nhsMhsSvcIA: {READ}\n{parts}{place}")),
        ];
        Self { slapd: Slapd::start(&entries.concat()).await, database: TestDatabase::fresh().await }
    }

    /// A consumer of that system and organisation, with these groups.
    async fn consumer(&self, asid: &str, ods_code: &str, like: ConsumerSystem, groups: &[Group]) -> ConsumerSystem {
        let mut consumer = ConsumerSystem { asid: super::asid(asid), ..like };
        consumer.organisation.ods_code = ods_code.parse().unwrap();
        self.database.handle().insert_consumer(&consumer).await.unwrap();
        self.database.handle().assure(&consumer, groups).await.unwrap();
        consumer
    }

    async fn try_compare(&self, most: usize) -> Result<DirectoryComparison, DirectoryError> {
        let (directory, clock) = (Directory::open(&self.slapd.settings()).unwrap(), ManualClock::at(REGISTERED_AT));
        let registry = Registry::load(self.database.handle().clone(), Arc::new(clock)).await.unwrap();
        soon("a comparison", compare_with_directory(&Arc::new(registry), &directory, most, REGISTERED_AT)).await
    }

    async fn compare(&self) -> DirectoryComparison {
        self.try_compare(100).await.unwrap()
    }
}

fn told(comparison: &DirectoryComparison) -> Vec<(&'static str, String, String, bool)> {
    let of = |drift: &careconnect_auth::domain::Drift| {
        (drift.kind.name(), drift.identifier.clone(), drift.to_string(), drift.suspended)
    };
    comparison.drifts.iter().map(of).collect()
}

#[tokio::test]
async fn what_the_directory_contradicts_is_told_and_what_it_does_not_say_is_not() {
    let scene = Scene::new().await;
    scene.consumer(CONSUMER, "Z9X8W", consumer(), &[Group::READ_SLOT, Group::CREATE_APPOINTMENT]).await;
    scene.consumer(WITH_PARTY, "T22222", consumer(), &[Group::READ_SLOT]).await; // whom it serves
    let named = |name: &str| consumer_with(&CertificateIdentity::parse("san_dns", name).unwrap());
    scene.consumer(WITH_PARTY, "T11111", named("booking.nhs.uk"), &[]).await;
    let retired = ConsumerSystem { status: RegistrationStatus::Retired { at: REGISTERED_AT }, ..consumer() };
    scene.consumer(UNKNOWN, "Z9X8W", retired, &[]).await;
    assert_eq!(told(&scene.compare().await), []);

    let gone = scene.consumer(UNKNOWN, "Z9X8W", consumer(), &[]).await;
    let moved = scene.consumer(CONSUMER, "B2002", consumer(), &[]).await;
    let other = scene.consumer(WITH_PARTY, "T11111", named("other.nhs.uk"), &[]).await;
    let withdrawn = scene.consumer(WITH_PARTY, "T11111", consumer(), &[Group::CREATE_APPOINTMENT]).await;
    let wrong_host = provider(PROVIDER);
    scene.database.handle().insert_provider(&wrong_host).await.unwrap();
    let mut found = told(&scene.compare().await);
    found.sort();
    let id = |consumer: &ConsumerSystem| consumer.client_id.to_string();
    let update = Group::UPDATE_APPOINTMENT;
    let mut expected = [
        ("asid_gone", id(&gone), format!("the directory has no system {UNKNOWN}"), false),
        (
            "ods_code_changed",
            id(&moved),
            format!("the directory says that system {CONSUMER} belongs to Z9X8W, not to B2002"),
            false,
        ),
        (
            "fqdn_differs",
            id(&other),
            format!(
                "the directory knows the party of system {WITH_PARTY} by the name booking.nhs.uk, not by other.nhs.uk"
            ),
            false,
        ),
        (
            "interaction_withdrawn",
            id(&withdrawn),
            format!("the directory lists no interaction of {} for system {WITH_PARTY}", Group::CREATE_APPOINTMENT),
            false,
        ),
        (
            "ods_code_changed",
            PROVIDER.to_owned(),
            format!("the directory says that system {PROVIDER} belongs to T99999, not to A20047"),
            false,
        ),
        (
            "interaction_withdrawn",
            PROVIDER.to_owned(),
            format!("the directory lists no interaction of {update} for system {PROVIDER}"),
            false,
        ),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_outage_and_an_answer_that_lacks_many_are_no_ground_to_suspend() {
    let scene = Scene::new().await;
    let database = scene.database.handle();
    for number in 0..3 {
        scene.consumer(&format!("29999999990{number}"), "Z9X8W", consumer(), &[]).await;
    }
    let revision = database.revision().await.unwrap();
    let doubted = async |most: usize, because: &str| {
        let mut comparison = scene.try_compare(most).await.unwrap();
        assert!(comparison.doubt.as_ref().is_some_and(|doubt| doubt.contains(because)), "{comparison:?}");
        suspend_drifted(database, &mut comparison, &act(REGISTERED_AT)).await.unwrap();
        assert!(comparison.drifts.iter().all(|drift| !drift.suspended), "{comparison:?}");
        comparison.drifts.len()
    };
    assert_eq!(doubted(100, "none of the 3 systems").await, 3);
    assert_eq!(database.revision().await.unwrap(), revision);
    scene.consumer(CONSUMER, "B2002", consumer(), &[]).await;
    assert_eq!(doubted(100, "lacks 3 of the 4 systems").await, 4);
    for number in 0..3 {
        scene
            .consumer(
                WITH_PARTY,
                "C3003",
                ConsumerSystem { client_id: format!("c{number}").parse().unwrap(), ..consumer() },
                &[],
            )
            .await;
    }
    scene.consumer(CONSUMER, "Z9X8W", consumer(), &[]).await;
    let provider = provider(PROVIDER);
    database.insert_provider(&provider).await.unwrap();
    assert_eq!(doubted(8, "contradicts 9 registrations, of which `directory.suspend_at_most` allows 8").await, 9);
    scene.slapd.stop();
    let directory = Directory::open(&crate::support::slapd::settings("ldap://localhost:1")).unwrap();
    let registry = Registry::load(database.clone(), Arc::new(ManualClock::at(REGISTERED_AT))).await.unwrap();
    let outage = compare_with_directory(&Arc::new(registry), &directory, 100, REGISTERED_AT).await;
    assert!(matches!(outage, Err(DirectoryError::Unreachable(_))), "{outage:?}");
}

#[tokio::test]
async fn what_drifted_is_suspended_by_the_narrowest_switch_each_with_its_reason() {
    // R51
    let scene = Scene::new().await;
    let database = scene.database.handle();
    let moved = scene.consumer(CONSUMER, "B2002", consumer(), &[Group::READ_SLOT]).await;
    let withdrawn =
        scene.consumer(WITH_PARTY, "T11111", consumer(), &[Group::READ_SLOT, Group::CREATE_APPOINTMENT]).await;
    let mut own = provider(PROVIDER);
    own.ods_code = "T99999".parse().unwrap();
    database.insert_provider(&own).await.unwrap();
    let before = database.audit_head().await.unwrap().0;
    let server =
        Act { actor: Actor { name: "directory".to_owned(), via: Via::Server }, reason: None, ..act(REGISTERED_AT) };
    let mut comparison = scene.compare().await;
    suspend_drifted(database, &mut comparison, &server).await.unwrap();
    assert!(comparison.drifts.iter().all(|drift| drift.suspended), "{comparison:?}");

    let consumer = |client_id| async move { database.find_consumer(client_id).await.unwrap().unwrap() };
    assert!(!consumer(&moved.client_id).await.is_active());
    let still_active = consumer(&withdrawn.client_id).await;
    assert!(still_active.is_active());
    let held = database.assured(&still_active).await.unwrap().groups_at(REGISTERED_AT);
    assert_eq!(held, [Group::READ_SLOT].into());
    let provider = database.find_provider(&asid(PROVIDER)).await.unwrap().unwrap();
    assert!(provider.is_active());
    assert_eq!(provider.honoured().collect::<Vec<_>>(), [&Group::READ_SLOT]);

    let records = database.search_audit(&AuditQuery::default(), 100).await.unwrap();
    let records: Vec<_> = records.iter().filter(|record| record.sequence > before).collect();
    assert_eq!(records.len(), 3, "{records:#?}");
    for record in &records {
        let text = &record.record;
        assert!(text.contains("\"via\":\"server\"") && text.contains("the directory "), "{text}");
    }
    let again = scene.compare().await;
    assert_eq!(told(&again).iter().map(|drift| (drift.0, drift.3)).collect::<Vec<_>>(), [("ods_code_changed", true)]);
    let revision = database.revision().await.unwrap();
    suspend_drifted(database, &mut scene.compare().await, &server).await.unwrap();
    assert_eq!(database.revision().await.unwrap(), revision);
}

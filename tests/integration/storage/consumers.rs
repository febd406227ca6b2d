//! Consumers, in and out.

use careconnect_auth::{
    clock::UnixTime,
    domain::{
        CertificateIdentity, CertificateThumbprint, ConsumerSystem, Credential, KeyThumbprint, RegistrationStatus,
    },
    random,
    storage::StorageError,
};
use careconnect_verifier::{Group, OrganisationType};

use crate::support::{
    changes::Changes,
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer, consumer_with, credential},
};

fn with_every_kind_of_credential() -> ConsumerSystem {
    let mut credentials = consumer().credentials;
    for (later, (kind, value)) in [
        ("san_dns", "bars.trust.nhs.uk".to_owned()),
        ("subject_dn", r"CN=O'Brien\, Söhne+OU=x,O=NHS,C=GB".to_owned()),
        ("san_uri", "spiffe://trust.nhs.uk/booking".to_owned()),
        ("public_key", KeyThumbprint::of_spki(b"key").to_string()),
        ("thumbprint", CertificateThumbprint::of_der(b"certificate").to_string()),
    ]
    .into_iter()
    .enumerate()
    {
        let identity = CertificateIdentity::parse(kind, &value).unwrap();
        let starts_at = REGISTERED_AT.plus(i64::try_from(later).unwrap() + 1);
        let first = credential(identity.into());
        let credential = Credential { starts_at, ends_at: Some(starts_at.plus(10)), ..(*first).clone() };
        credentials.push(credential.into());
    }
    ConsumerSystem { credentials, ..consumer() }
}

#[tokio::test]
async fn a_consumer_comes_back_exactly_as_it_was_registered() {
    let database = TestDatabase::fresh().await;
    let suspended = RegistrationStatus::Suspended { at: UnixTime(-1) };
    for registered in [
        consumer(),
        with_every_kind_of_credential(),
        ConsumerSystem { credentials: vec![], status: suspended, product: None, party_key: None, ..consumer() },
        ConsumerSystem { status: RegistrationStatus::Retired { at: UnixTime(5) }, ..consumer() },
    ] {
        database.handle().insert_consumer(&registered).await.unwrap();
        let found = database.handle().find_consumer(&registered.client_id).await.unwrap();
        assert_eq!(found, Some(registered));
    }
}

#[tokio::test]
async fn consumers_are_listed_in_the_order_of_their_ids_each_with_its_own_parts() {
    let database = TestDatabase::fresh().await;
    let mut registered = [consumer(), with_every_kind_of_credential(), consumer(), with_every_kind_of_credential()];
    for consumer in &registered {
        database.handle().insert_consumer(consumer).await.unwrap();
    }
    registered.sort_by(|one, other| one.client_id.cmp(&other.client_id));
    assert_eq!(database.handle().list_consumers().await.unwrap(), registered);
}

#[tokio::test]
async fn a_client_id_that_is_taken_is_refused_by_name() {
    let database = TestDatabase::fresh().await;
    let first = consumer();
    database.handle().insert_consumer(&first).await.unwrap();

    let again = ConsumerSystem { name: "another".parse().unwrap(), client_id: first.client_id.clone(), ..consumer() };
    let refusal = database.handle().insert_consumer(&again).await.unwrap_err();

    assert!(
        matches!(&refusal, StorageError::AlreadyExists { what: "consumer", name } if *name == first.client_id.as_str())
    );
    assert_eq!(database.handle().list_consumers().await.unwrap(), [first]);
}

#[tokio::test]
async fn a_credential_that_is_another_consumers_is_refused() {
    let database = TestDatabase::fresh().await;
    let first = consumer();
    database.handle().insert_consumer(&first).await.unwrap();
    let thief = ConsumerSystem { credentials: first.credentials.clone(), ..consumer() };
    let refusal = database.handle().insert_consumer(&thief).await.unwrap_err();
    assert!(matches!(refusal, StorageError::AlreadyExists { what: "credential", .. }), "{refusal}");
    assert_eq!(database.handle().list_consumers().await.unwrap(), [first]);
}

#[tokio::test]
async fn a_group_that_is_not_registered_is_named_and_nothing_is_written() {
    let database = TestDatabase::fresh().await;
    let before = database.handle().revision().await.unwrap();
    let unknown = Group::parse("urn:nhs:names:services:other").unwrap();

    let refusal = database.handle().assure(&consumer(), &[Group::READ_SLOT, unknown.clone()]).await.unwrap_err();

    assert!(matches!(refusal, StorageError::UnknownReference { what: "group", name } if name == unknown.as_str()));
    assert_eq!(database.handle().list_assurances().await.unwrap(), []);
    assert_eq!(database.handle().revision().await.unwrap(), before);
}

#[tokio::test]
async fn an_organisation_type_that_is_not_registered_is_named_and_nothing_is_written() {
    let database = TestDatabase::fresh().await;
    let mut stranger = consumer();
    stranger.organisation.organisation_type = OrganisationType::parse("oncology").unwrap();
    let refusal = database.handle().insert_consumer(&stranger).await.unwrap_err();
    assert!(
        matches!(refusal, StorageError::UnknownReference { what: "organisation type", name } if name == "oncology")
    );
    assert_eq!(database.handle().find_consumer(&stranger.client_id).await.unwrap(), None);
}

#[tokio::test]
async fn a_consumer_is_suspended_and_resumed_and_one_that_is_missing_is_named() {
    let database = TestDatabase::fresh().await;
    let mut registered = consumer();
    database.handle().insert_consumer(&registered).await.unwrap();
    for status in [RegistrationStatus::Suspended { at: UnixTime(5) }, RegistrationStatus::Active] {
        database.handle().set_consumer_status(&registered.client_id, status).await.unwrap();
        registered.status = status;
        assert_eq!(database.handle().find_consumer(&registered.client_id).await.unwrap().as_ref(), Some(&registered));
    }
    let missing = random::client_id();
    let refusal = database.handle().set_consumer_status(&missing, RegistrationStatus::Active).await.unwrap_err();
    assert!(matches!(refusal, StorageError::NotFound { what: "consumer", name } if name == missing.as_str()));
}

#[tokio::test]
async fn a_row_that_this_program_did_not_write_is_named_and_not_believed() {
    let database = TestDatabase::fresh().await;
    let identity = CertificateIdentity::parse("san_dns", "a.nhs.uk").unwrap();
    database.handle().insert_consumer(&consumer_with(&identity)).await.unwrap();
    database.tamper("UPDATE credentials SET value = '*.nhs.uk'").await;
    let refusal = database.handle().list_consumers().await.unwrap_err();
    assert!(matches!(refusal, StorageError::Corrupt { what: "credential", .. }), "{refusal}");
}

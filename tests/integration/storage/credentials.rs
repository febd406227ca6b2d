//! Credentials of a registered consumer, in, out and ended; blocked certificates; certificate policies.

use std::sync::Arc;

use careconnect_auth::{
    clock::UnixTime,
    domain::{
        BlockedCertificate, CertificateIdentity, CertificatePolicy, ClientKey, Credential, CredentialId,
        CredentialKind, KeyThumbprint, Precondition, RegisteredCertificate,
    },
    operations::{
        add_credentials::{NewCredential, NewCredentialKind, add_credentials},
        block_certificate::{block_certificate, unblock_certificate},
        cap_certificates::remove_certificate_policy,
        change_refused::ChangeRefused,
        end_credential::end_credential,
        rotate_secret::rotate_secret,
    },
    random,
    storage::{CredentialUse, StorageError},
};
use careconnect_verifier::Group;

use crate::support::{
    changes::{Changes, act},
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer, credential},
};

const JWK: &str = r#"{"kty":"EC","crv":"P-256","kid":"k1","alg":"ES256","use":"sig","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;

fn new(kind: CredentialKind) -> Credential {
    (*credential(kind)).clone()
}

#[tokio::test]
async fn keys_key_sets_and_pinned_certificates_come_back_as_they_were_added() {
    let (database, registered) = (TestDatabase::fresh().await, consumer());
    database.handle().insert_consumer(&registered).await.unwrap();
    let seen = database.handle().revision().await.unwrap();
    let certificate = RegisteredCertificate {
        identity: CertificateIdentity::SanUri("spiffe://trust.nhs.uk/a".parse().unwrap()),
        environment: Some("test".parse().unwrap()),
        issuer: Some(KeyThumbprint::of_spki(b"authority")),
    };
    let added = [
        new(CredentialKind::Key(ClientKey::from_jwk(JWK).unwrap())),
        new(CredentialKind::KeySet("https://keys.supplier.example/jwks.json".parse().unwrap())),
        new(CredentialKind::Certificate(certificate)),
    ];
    let mut changed = registered.clone();
    changed.credentials.extend(added.iter().cloned().map(Arc::new));
    database.handle().put_consumer(&registered, &changed).await.unwrap();

    let changes = database.handle().changes_since(seen).await.unwrap();
    let [found] = &changes.consumers[..] else { panic!("{changes:?}") };
    for credential in added {
        assert!(found.credentials.iter().any(|held| **held == credential), "{credential:?}");
    }
    assert_eq!(found.credentials.len(), 4);
}

#[tokio::test]
async fn credentials_are_added_and_ended_in_one_change_or_not_at_all() {
    let (database, registered) = (TestDatabase::fresh().await, consumer());
    let (handle, client_id) = (database.handle(), &registered.client_id);
    handle.insert_consumer(&registered).await.unwrap();
    let (old, end) = (registered.credentials[0].id, REGISTERED_AT.plus(60));
    let add =
        |kind| NewCredential { kind: NewCredentialKind::Public(kind), label: None, starts_at: None, ends_at: None };
    let key = CredentialKind::Key(ClientKey::from_jwk(JWK).unwrap());

    let twice = vec![add(key.clone()), add(key)];
    let refusal = add_credentials(handle, client_id, twice, act(REGISTERED_AT)).await.unwrap_err();
    assert!(matches!(&refusal, ChangeRefused::Conflict(sentence) if sentence.contains("already")), "{refusal}");
    let missing = CredentialId(random::uuid());
    let refusal = end_credential(handle, client_id, missing, end, act(REGISTERED_AT)).await.unwrap_err();
    assert!(refusal.to_string().contains("credential"), "{refusal}");
    assert_eq!(handle.find_consumer(client_id).await.unwrap(), Some(registered.clone()));

    rotate_secret(handle, client_id, None, 60, act(REGISTERED_AT)).await.unwrap();
    let found = handle.find_consumer(client_id).await.unwrap().unwrap();
    let ends = found.credentials.iter().map(|held| (held.id == old, held.ends_at)).collect::<Vec<_>>();
    assert!(ends.contains(&(true, Some(end))) && ends.contains(&(false, None)), "{ends:?}");
}

#[tokio::test]
async fn the_last_use_of_a_credential_never_goes_back() {
    let (database, registered) = (TestDatabase::fresh().await, consumer());
    database.handle().insert_consumer(&registered).await.unwrap();
    let credential = registered.credentials[0].id;
    let used = |seconds, certificate_ends_at| CredentialUse {
        credential,
        last_used_at: REGISTERED_AT.plus(seconds),
        certificate_ends_at,
    };
    let latest = used(120, Some(UnixTime(1_900_000_000)));
    for each in [used(60, None), latest, used(90, None)] {
        database.handle().record_uses(&[each]).await.unwrap();
    }
    assert_eq!(database.handle().list_uses().await.unwrap(), [latest]);
}

#[tokio::test]
async fn a_certificate_is_blocked_unblocked_and_blocked_again() {
    let database = TestDatabase::fresh().await;
    let blocked = |at: i64| BlockedCertificate {
        issuer: "CN=Issuing CA,O=NHS".to_owned(),
        serial: "01:ab".parse().unwrap(),
        note: "key lost".to_owned(),
        blocked_at: REGISTERED_AT.plus(at),
        unblocked_at: None,
    };
    let handle = database.handle();
    let (issuer, serial, now) = (&blocked(0).issuer, &blocked(0).serial, REGISTERED_AT.plus(5));
    let block = async |at: i64| {
        let BlockedCertificate { issuer, serial, note, .. } = blocked(at);
        block_certificate(handle, issuer, serial, note, act(REGISTERED_AT.plus(at))).await.unwrap()
    };
    assert_eq!(block(0).await, blocked(0));
    unblock_certificate(handle, issuer, serial, &Precondition::Any, act(now)).await.unwrap();
    let ended = BlockedCertificate { unblocked_at: Some(now), ..blocked(0) };
    assert_eq!(handle.list_blocked_certificates().await.unwrap(), [ended]);
    let refusal = unblock_certificate(handle, issuer, serial, &Precondition::Any, act(now)).await.unwrap_err();
    assert!(matches!(refusal, ChangeRefused::Storage(StorageError::NotFound { .. })), "{refusal}");
    block(9).await;
    assert_eq!(handle.load_all().await.unwrap().blocked_certificates, [blocked(9)]);
}

#[tokio::test]
async fn a_certificate_policy_comes_back_and_holds_until_it_is_removed() {
    let database = TestDatabase::fresh().await;
    let policy = CertificatePolicy {
        name: "Appointments only".parse().unwrap(),
        host_prefix: "appt-".parse().unwrap(),
        issuer: Some(KeyThumbprint::of_spki(b"authority")),
        groups: [Group::READ_SLOT, Group::CREATE_APPOINTMENT].into(),
        created_at: REGISTERED_AT,
        removed_at: None,
    };
    database.handle().insert_certificate_policy(&policy).await.unwrap();
    assert_eq!(database.handle().load_all().await.unwrap().certificate_policies, std::slice::from_ref(&policy));
    let refusal = database.handle().insert_certificate_policy(&policy).await.unwrap_err();
    assert!(matches!(refusal, StorageError::AlreadyExists { what: "certificate policy", .. }), "{refusal}");

    let now = REGISTERED_AT.plus(1);
    remove_certificate_policy(database.handle(), &policy.name, &Precondition::Any, act(now)).await.unwrap();
    let removed = CertificatePolicy { removed_at: Some(now), ..policy };
    assert_eq!(database.handle().list_certificate_policies().await.unwrap(), [removed]);
}

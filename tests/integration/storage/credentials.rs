//! Credentials of a registered consumer, in, out and ended; blocked certificates; certificate policies.

use careconnect_auth::{
    clock::UnixTime,
    domain::{
        BlockedCertificate, CertificateIdentity, CertificatePolicy, ClientKey, Credential, CredentialId,
        CredentialKind, KeyThumbprint, RegisteredCertificate,
    },
    random,
    storage::{CredentialUse, StorageError},
};
use careconnect_verifier::Group;

use crate::support::{
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
    database.handle().change_credentials(&registered.client_id, &added, &[], REGISTERED_AT).await.unwrap();

    let changes = database.handle().changes_since(seen).await.unwrap();
    let [found] = &changes.consumers[..] else { panic!("{changes:?}") };
    for credential in added {
        assert!(found.credentials.iter().any(|held| **held == credential), "{credential:?}");
    }
    assert_eq!(found.credentials.len(), 4);
}

#[tokio::test]
async fn credentials_are_changed_all_or_none() {
    let (database, registered) = (TestDatabase::fresh().await, consumer());
    database.handle().insert_consumer(&registered).await.unwrap();
    let (old, end) = (registered.credentials[0].id, REGISTERED_AT.plus(60));
    let added = new(registered.credentials[0].kind.clone());
    let missing = CredentialId(random::uuid());
    let change = async |ended: &[_]| {
        let handle = database.handle();
        handle.change_credentials(&registered.client_id, std::slice::from_ref(&added), ended, REGISTERED_AT).await
    };

    let refusal = change(&[(old, end), (missing, end)]).await.unwrap_err();
    assert!(matches!(&refusal, StorageError::NotFound { what: "credential", .. }), "{refusal}");
    assert_eq!(database.handle().find_consumer(&registered.client_id).await.unwrap(), Some(registered.clone()));

    change(&[(old, end)]).await.unwrap();
    let found = database.handle().find_consumer(&registered.client_id).await.unwrap().unwrap();
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
    handle.block_certificate(&blocked(0)).await.unwrap();
    let (issuer, serial, now) = (&blocked(0).issuer, &blocked(0).serial, REGISTERED_AT.plus(5));
    handle.unblock_certificate(issuer, serial, now).await.unwrap();
    let ended = BlockedCertificate { unblocked_at: Some(now), ..blocked(0) };
    assert_eq!(handle.list_blocked_certificates().await.unwrap(), [ended]);
    let refusal = handle.unblock_certificate(issuer, serial, now).await.unwrap_err();
    assert!(matches!(refusal, StorageError::NotFound { .. }), "{refusal}");
    handle.block_certificate(&blocked(9)).await.unwrap();
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
    database.handle().remove_certificate_policy(&policy.name, now).await.unwrap();
    let removed = CertificatePolicy { removed_at: Some(now), ..policy };
    assert_eq!(database.handle().list_certificate_policies().await.unwrap(), [removed]);
}

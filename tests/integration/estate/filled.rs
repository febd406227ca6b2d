//! A register with something of everything.

use careconnect_auth::{
    domain::{
        AssuredSubject, BlockedCertificate, CertificateIdentity, CertificatePolicy, ClientKey, ConsumerSystem,
        CredentialKind, GroupDefinition, HonouredGroup, OrganisationTypeDefinition, ProviderSystem,
        RegisteredCertificate,
    },
    operations::{
        change_assurance::{AssuranceChange, change_assurances},
        give_assurance::{NewAssurance, give_assurances},
        register_consumer::{ConsumerRegistration, register_consumer},
    },
    storage::Database,
};
use careconnect_verifier::Group;

use super::super::support::{
    changes::{Changes, SUSPENDED, act},
    registrations::{REGISTERED_AT, consumer, credential, provider},
};
use crate::support::databases::TestDatabase;

const JWK: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}"#;

pub(super) struct Filled {
    pub(super) database: TestDatabase,
    /// Has a secret, a key, certificates and a key set, and is assured.
    pub(super) consumer: ConsumerSystem,
    /// Retired.
    pub(super) retired: ConsumerSystem,
    pub(super) provider: ProviderSystem,
}

pub(super) fn public_kinds() -> Vec<CredentialKind> {
    let certificate = |identity: &str, value: &str| CertificateIdentity::parse(identity, value).unwrap();
    vec![
        CredentialKind::Key(ClientKey::from_jwk(JWK).unwrap()),
        CredentialKind::KeySet("https://keys.supplier.example/jwks.json".parse().unwrap()),
        certificate("san_dns", "a1001.trust.nhs.uk").into(),
        certificate("subject_dn", "CN=\"quoted\\\\,O=NHS".replace('"', "'").as_str()).into(),
        CredentialKind::Certificate(RegisteredCertificate {
            environment: None,
            ..certificate("thumbprint", &"ab".repeat(32)).into()
        }),
    ]
}

pub(super) fn registration(consumer: &ConsumerSystem, groups: &[Group], with_secret: bool) -> ConsumerRegistration {
    ConsumerRegistration {
        client_id: Some(consumer.client_id.clone()),
        name: consumer.name.clone(),
        asid: consumer.asid.clone(),
        organisation: consumer.organisation.clone(),
        supplier: consumer.supplier.clone(),
        product: consumer.product.clone(),
        product_version: consumer.product_version.clone(),
        party_key: consumer.party_key.clone(),
        credentials: public_kinds(),
        accepts_token_endpoint_audience: consumer.accepts_token_endpoint_audience,
        requests_per_minute: consumer.requests_per_minute,
        with_secret,
        groups: groups.iter().cloned().collect(),
        evidence: Some("CSR-1, \"signed\"".to_owned()),
    }
}

pub(super) async fn filled() -> Filled {
    let database = TestDatabase::fresh().await;
    let handle = database.handle();
    catalogue(handle).await;
    let groups = [Group::READ_SLOT, Group::UPDATE_APPOINTMENT];
    let registered = register_consumer(handle, registration(&consumer(), &groups, true), act(REGISTERED_AT)).await;
    let consumer_with_all = registered.unwrap().consumer;
    let suspended = ConsumerSystem {
        status: SUSPENDED,
        product: None,
        requests_per_minute: None,
        credentials: vec![credential(CertificateIdentity::parse("san_dns", "b.nhs.uk").unwrap().into())],
        ..consumer()
    };
    handle.insert_consumer(&suspended).await.unwrap();
    let retired = ConsumerSystem { credentials: Vec::new(), ..consumer() };
    handle.insert_consumer(&retired).await.unwrap();
    let service = |consumer: &ConsumerSystem| AssuredSubject::Service(consumer.client_id.clone());
    let wanted = |subject| NewAssurance {
        subject,
        group: Group::READ_SLOT,
        evidence: "CSR-2".to_owned(),
        starts_at: Some(REGISTERED_AT.plus(5)),
        ends_at: Some(REGISTERED_AT.plus(1_000_000)),
    };
    let subjects = vec![wanted(service(&suspended)), wanted(service(&retired))];
    give_assurances(handle, subjects, act(REGISTERED_AT)).await.unwrap();
    let (any, halted) = (careconnect_auth::domain::Precondition::Any, service(&suspended));
    let suspend = AssuranceChange::Suspend;
    change_assurances(handle, &halted, None, &any, suspend, act(REGISTERED_AT)).await.unwrap();
    let status = careconnect_auth::domain::RegistrationStatus::Retired { at: REGISTERED_AT };
    handle.set_consumer_status(&retired.client_id, status).await.unwrap();
    let provider = providers(handle).await;
    Filled { consumer: consumer_with_all, retired, provider, database }
}

async fn catalogue(handle: &Database) {
    let code = "community-pharmacy-2".parse().unwrap();
    let pharmacy = OrganisationTypeDefinition { code, display: "Pharmacy".to_owned() };
    handle.insert_organisation_type(&pharmacy).await.unwrap();
    let group = GroupDefinition {
        group: "urn:nhs:names:services:other".parse().unwrap(),
        scope: "other/thing.read".parse().unwrap(),
        interactions: ["urn:nhs:names:services:other:fhir:rest:read:thing".parse().unwrap()].into(),
        entra_object_id: None,
        suspended_at: Some(REGISTERED_AT),
    };
    handle.insert_group(&group).await.unwrap();
    let blocked = |serial: &str, unblocked_at| BlockedCertificate {
        issuer: "CN=Test CA,O=NHS".to_owned(),
        serial: serial.parse().unwrap(),
        note: "lost".to_owned(),
        blocked_at: REGISTERED_AT,
        unblocked_at,
    };
    handle.put_blocked(&blocked("0a", None)).await.unwrap();
    handle.put_blocked(&blocked("0b", Some(REGISTERED_AT))).await.unwrap();
    let policy = |name: &str, removed_at| CertificatePolicy {
        name: name.parse().unwrap(),
        host_prefix: "appt-".parse().unwrap(),
        issuer: Some("cd".repeat(32).parse().unwrap()),
        groups: [Group::READ_SLOT].into(),
        created_at: REGISTERED_AT,
        removed_at,
    };
    handle.insert_certificate_policy(&policy("appointments", None)).await.unwrap();
    handle.insert_certificate_policy(&policy("removed", Some(REGISTERED_AT))).await.unwrap();
}

async fn providers(handle: &Database) -> ProviderSystem {
    let narrowed = HonouredGroup {
        suspended_at: Some(REGISTERED_AT),
        organisation_types: ["urgent-care".parse().unwrap()].into(),
        ods_codes: ["A1001".parse().unwrap(), "A1002".parse().unwrap()].into(),
        asids: ["000000000205".parse().unwrap()].into(),
    };
    let mut narrow = provider("918999198993");
    narrow.groups.insert(Group::READ_SLOT, narrowed);
    handle.insert_provider(&narrow).await.unwrap();
    let retired = careconnect_auth::domain::RegistrationStatus::Retired { at: REGISTERED_AT };
    handle.insert_provider(&ProviderSystem { status: retired, ..provider("918999198994") }).await.unwrap();
    handle.insert_provider(&ProviderSystem { groups: [].into(), ..provider("000000000001") }).await.unwrap();
    narrow
}

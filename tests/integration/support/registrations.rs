//! Registrations with every field filled in.

use std::sync::Arc;

use careconnect_auth::{
    clock::UnixTime,
    domain::{
        CertificateIdentity, ClaimsProfile, ConsumerSystem, Credential, CredentialId, CredentialKind, HonouredGroup,
        Organisation, ProviderSystem, RegistrationStatus, SecretHash, ServiceRoot, TokenLifetime,
    },
    random,
};
use careconnect_verifier::{Algorithm, Asid, Group, OdsCode, OrganisationType};

pub(crate) const REGISTERED_AT: UnixTime = UnixTime(1_800_000_000);

/// A consumer with a secret.
pub(crate) fn consumer() -> ConsumerSystem {
    ConsumerSystem {
        client_id: random::client_id(),
        name: "Dr Ó'Brien & Söhne".parse().unwrap(),
        asid: Asid::parse("000000000205").unwrap(),
        organisation: Organisation {
            ods_code: OdsCode::parse("A1001").unwrap(),
            organisation_type: OrganisationType::parse("urgent-care").unwrap(),
        },
        supplier: OdsCode::parse("SUP1").unwrap(),
        product: Some("Booking".parse().unwrap()),
        product_version: Some("2.1".parse().unwrap()),
        party_key: Some("A1001-850001".parse().unwrap()),
        credentials: vec![credential(CredentialKind::Secret(SecretHash::new(
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        )))],
        accepts_token_endpoint_audience: true,
        requests_per_minute: Some(60),
        status: RegistrationStatus::Active,
        created_at: REGISTERED_AT,
    }
}

/// A credential without an end.
pub(crate) fn credential(kind: CredentialKind) -> Arc<Credential> {
    let (id, label) = (CredentialId(random::uuid()), "first".to_owned());
    Arc::new(Credential { id, label, kind, starts_at: REGISTERED_AT, ends_at: None })
}

/// A consumer that is known by a certificate.
pub(crate) fn consumer_with(identity: &CertificateIdentity) -> ConsumerSystem {
    ConsumerSystem { credentials: vec![credential(identity.clone().into())], ..consumer() }
}

/// The provider of an ASID.
pub(crate) fn provider(asid: &str) -> ProviderSystem {
    ProviderSystem {
        asid: Asid::parse(asid).unwrap(),
        ods_code: OdsCode::parse("A20047").unwrap(),
        name: "Surgery".parse().unwrap(),
        service_root: ServiceRoot::parse(&format!("https://provider.thirdparty.nhs.uk/{asid}/STU3/1")).unwrap(),
        signing_algorithm: Algorithm::Rs256,
        token_lifetime: TokenLifetime::from_seconds(61).unwrap(),
        certificate_bound: true,
        claims_profile: ClaimsProfile::Entra,
        groups: [Group::READ_SLOT, Group::UPDATE_APPOINTMENT].map(|group| (group, HonouredGroup::default())).into(),
        certificates: vec![CertificateIdentity::SanDns("fhir.thirdparty.nhs.uk".parse().unwrap()).into()],
        status: RegistrationStatus::Active,
        created_at: REGISTERED_AT,
    }
}

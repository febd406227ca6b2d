//! Providers, in and out.

use careconnect_auth::{
    clock::UnixTime,
    domain::{ClaimsProfile, HonouredGroup, ProviderSystem, RegistrationStatus},
    storage::StorageError,
};
use careconnect_verifier::{Algorithm, Asid, Group};

use crate::support::{changes::Changes, databases::TestDatabase, registrations::provider};

#[tokio::test]
async fn a_provider_comes_back_exactly_as_it_was_registered() {
    let database = TestDatabase::fresh().await;
    let suspended = RegistrationStatus::Suspended { at: UnixTime(7) };
    let mut all = Vec::new();
    for (algorithm, asid) in Algorithm::FOR_TOKENS.into_iter().zip(1_u64..) {
        let first = provider(&format!("{asid:012}"));
        let claims_profile = if asid % 2 == 0 { ClaimsProfile::Entra } else { ClaimsProfile::CareConnect };
        let registered = ProviderSystem {
            signing_algorithm: algorithm,
            certificate_bound: asid % 2 == 0,
            groups: [
                (Group::READ_SLOT, HonouredGroup { suspended_at: Some(UnixTime(9)), ..HonouredGroup::default() }),
                (
                    Group::CREATE_APPOINTMENT,
                    HonouredGroup {
                        suspended_at: None,
                        organisation_types: ["urgent-care".parse().unwrap(), "gp-practice".parse().unwrap()].into(),
                        ods_codes: ["A1001".parse().unwrap()].into(),
                        asids: ["200000000205".parse().unwrap()].into(),
                    },
                ),
            ]
            .into(),
            claims_profile,
            status: if asid % 2 == 0 { RegistrationStatus::Active } else { suspended },
            ..first
        };
        database.handle().insert_provider(&registered).await.unwrap();
        assert_eq!(database.handle().find_provider(&registered.asid).await.unwrap().as_ref(), Some(&registered));
        all.push(registered);
    }
    assert_eq!(database.handle().list_providers().await.unwrap(), all);
}

#[tokio::test]
async fn an_asid_or_a_service_root_that_is_taken_is_refused_by_name() {
    let database = TestDatabase::fresh().await;
    let (first, other) = (provider("200000000001"), provider("200000000002"));
    database.handle().insert_provider(&first).await.unwrap();
    let same_asid = ProviderSystem { asid: first.asid.clone(), ..other.clone() };
    let same_root = ProviderSystem { service_root: first.service_root.clone(), ..other };
    for (again, taken) in [(same_asid, "200000000001"), (same_root, first.service_root.as_str())] {
        let refusal = database.handle().insert_provider(&again).await.unwrap_err();
        assert!(matches!(&refusal, StorageError::AlreadyExists { name, .. } if name == taken), "{refusal}");
    }
    assert_eq!(database.handle().list_providers().await.unwrap(), [first]);
}

#[tokio::test]
async fn a_provider_of_an_unknown_group_is_refused_and_nothing_is_written() {
    let database = TestDatabase::fresh().await;
    let unknown = Group::parse("urn:nhs:names:services:other").unwrap();
    let stranger = ProviderSystem { groups: [(unknown, HonouredGroup::default())].into(), ..provider("200000000001") };
    let refusal = database.handle().insert_provider(&stranger).await.unwrap_err();
    assert!(matches!(refusal, StorageError::UnknownReference { what: "group", .. }), "{refusal}");
    assert_eq!(database.handle().list_providers().await.unwrap(), []);
}

#[tokio::test]
async fn a_provider_is_suspended_and_one_that_is_missing_is_named() {
    let database = TestDatabase::fresh().await;
    let mut registered = provider("200000000001");
    database.handle().insert_provider(&registered).await.unwrap();
    registered.status = RegistrationStatus::Suspended { at: UnixTime(5) };
    database.handle().set_provider_status(&registered.asid, registered.status).await.unwrap();
    assert_eq!(database.handle().find_provider(&registered.asid).await.unwrap(), Some(registered));

    let missing = Asid::parse("200000000009").unwrap();
    let refusal = database.handle().set_provider_status(&missing, RegistrationStatus::Active).await.unwrap_err();
    assert!(matches!(refusal, StorageError::NotFound { what: "provider", .. }), "{refusal}");
}

use careconnect_verifier::{Algorithm, InteractionId, KNOWN_GROUPS};

use super::*;
use crate::domain::{ClaimsProfile, RegistrationStatus, TokenLifetime};

fn known() -> Vec<GroupDefinition> {
    let definition = |known: &careconnect_verifier::KnownGroup| GroupDefinition {
        group: known.group.clone(),
        scope: known.scope.parse().unwrap(),
        interactions: known.interactions.iter().cloned().collect(),
        entra_object_id: None,
    };
    KNOWN_GROUPS.iter().map(definition).collect()
}

fn consumer_in(groups: &[Group]) -> ConsumerSystem {
    ConsumerSystem {
        client_id: "c".parse().unwrap(),
        name: "Example 111".parse().unwrap(),
        asid: "200000000205".parse().unwrap(),
        organisation: Organisation {
            ods_code: "A1001".parse().unwrap(),
            organisation_type: "urgent-care".parse().unwrap(),
        },
        groups: groups.iter().cloned().collect(),
        credentials: vec![],
        accepts_token_endpoint_audience: false,
        requests_per_minute: None,
        status: RegistrationStatus::Active,
        created_at: UnixTime(0),
    }
}

fn provider_that_honours(groups: &[Group]) -> ProviderSystem {
    ProviderSystem {
        asid: "200000000359".parse().unwrap(),
        ods_code: "A20047".parse().unwrap(),
        name: "Example practice".parse().unwrap(),
        service_root: "https://provider.thirdparty.nhs.uk/A20047/STU3/1".parse().unwrap(),
        signing_algorithm: Algorithm::Es256,
        token_lifetime: TokenLifetime::DEFAULT,
        certificate_bound: false,
        claims_profile: ClaimsProfile::CareConnect,
        groups: groups.iter().cloned().collect(),
        status: RegistrationStatus::Active,
        created_at: UnixTime(0),
    }
}

fn decide(holds: &[Group], honours: &[Group], asks: &[&str]) -> Result<Vec<Group>, AccessDenied> {
    let access = match asks {
        [] => RequestedAccess::Everything,
        names => RequestedAccess::Only(names.iter().map(|name| (*name).to_owned()).collect()),
    };
    let granted = granted_groups(&consumer_in(holds), &provider_that_honours(honours), &access, &known());
    granted.map(|groups| groups.into_iter().collect())
}

const SLOT: Group = Group::READ_SLOT;
const BOOK: Group = Group::CREATE_APPOINTMENT;
const CHANGE: Group = Group::UPDATE_APPOINTMENT;

#[test]
fn everything_is_what_both_sides_have_in_common() {
    assert_eq!(decide(&[SLOT, BOOK], &[BOOK, CHANGE], &[]), Ok(vec![BOOK]));
}

#[test]
fn a_consumer_may_ask_for_less_by_group_interaction_or_scope() {
    for name in [SLOT.as_str(), InteractionId::A2SI_SEARCH_SLOT.as_str(), "organization/slot.read"] {
        assert_eq!(decide(&[SLOT, BOOK], &[SLOT, BOOK], &[name]), Ok(vec![SLOT]), "{name}");
    }
}

#[test]
fn a_scope_that_means_several_groups_gives_those_that_are_held() {
    assert_eq!(decide(&[BOOK], &[BOOK, CHANGE], &["patient/appointment.write"]), Ok(vec![BOOK]));
    assert_eq!(decide(&[BOOK, CHANGE], &[BOOK, CHANGE], &["patient/appointment.write"]), Ok(vec![BOOK, CHANGE]));
}

#[test]
fn a_group_that_the_consumer_lacks_is_named() {
    // R4
    let denied = decide(&[SLOT], &[SLOT, BOOK], &[SLOT.as_str(), BOOK.as_str()]);
    assert_eq!(denied, Err(AccessDenied::GroupNotHeld { asked_for: BOOK.to_string(), held: SLOT.to_string() }));
}

#[test]
fn a_group_that_the_provider_does_not_honour_is_named() {
    let denied = decide(&[SLOT, BOOK], &[SLOT], &[BOOK.as_str()]);
    assert_eq!(denied, Err(AccessDenied::GroupNotHonoured { asked_for: BOOK.to_string(), honoured: SLOT.to_string() }));
}

#[test]
fn names_are_compared_exactly() {
    for name in ["*", "openid", "URN:NHS:X", "organization/slot.*", "urn:nhs:names:services:careconnect:fhir:rest:read"]
    {
        assert_eq!(decide(&[SLOT], &[SLOT], &[name]), Err(AccessDenied::ScopeUnknown(name.into())), "{name}");
    }
}

#[test]
fn an_empty_result_is_a_refusal_that_says_why() {
    assert_eq!(decide(&[], &[SLOT], &[]), Err(AccessDenied::HoldsNothing));
    assert_eq!(decide(&[SLOT], &[BOOK], &[]), Err(AccessDenied::NothingInCommon { held: SLOT.to_string() }));
}

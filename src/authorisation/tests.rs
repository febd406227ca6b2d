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
    ConsumerSystem { groups: groups.iter().cloned().collect(), ..ConsumerSystem::example() }
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
    decide_capped(holds, honours, &access, None)
}

fn decide_capped(
    holds: &[Group],
    honours: &[Group],
    access: &RequestedAccess,
    cap: Option<&Cap>,
) -> Result<Vec<Group>, AccessDenied> {
    let granted = granted_groups(&consumer_in(holds), &provider_that_honours(honours), access, &known(), cap);
    granted.map(|groups| groups.into_iter().collect())
}

fn policy(prefix: &str, groups: &[Group]) -> CertificatePolicy {
    CertificatePolicy {
        name: format!("Policy for {prefix}").parse().unwrap(),
        host_prefix: prefix.parse().unwrap(),
        issuer: None,
        groups: groups.iter().cloned().collect(),
        created_at: UnixTime(0),
        removed_at: None,
    }
}

#[test]
fn a_certificate_gets_no_more_than_every_policy_for_its_name_allows() {
    let policies = [policy("appt-", &[SLOT, BOOK]), policy("appt-view", &[SLOT]), policy("other", &[CHANGE])];
    let cap = |host: &'static str| Cap::of(&policies, [host].into_iter(), &[]);
    let everything = RequestedAccess::Everything;
    let all = [SLOT, BOOK, CHANGE];
    let granted = |host| decide_capped(&all, &all, &everything, cap(host).as_ref());
    assert_eq!(granted("appt-view.nhs.uk"), Ok(vec![SLOT]));
    assert_eq!(granted("appt-a1001.nhs.uk"), Ok(vec![BOOK, SLOT]));
    assert_eq!(granted("booking.nhs.uk").map(|groups| groups.len()), Ok(3));

    let asked = RequestedAccess::Only(vec![CHANGE.to_string()]);
    let refused = decide_capped(&all, &all, &asked, cap("appt-view.nhs.uk").as_ref());
    assert!(
        matches!(&refused, Err(AccessDenied::GroupNotPermitted { asked_for, policies, .. })
        if *asked_for == CHANGE.to_string() && policies.contains("Policy for appt-view")),
        "{refused:?}"
    );
    let refused = decide_capped(&[CHANGE], &all, &everything, cap("appt-a1001.nhs.uk").as_ref());
    assert!(matches!(refused, Err(AccessDenied::NothingPermitted { .. })), "{refused:?}");
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

use std::collections::BTreeMap;

use careconnect_verifier::{Algorithm, InteractionId, KNOWN_GROUPS};

use super::*;
use crate::domain::{ClaimsProfile, ConsumerSystem, HonouredGroup, Period, Periods, RegistrationStatus, TokenLifetime};

fn known() -> Vec<GroupDefinition> {
    let definition = |known: &careconnect_verifier::KnownGroup| GroupDefinition {
        group: known.group.clone(),
        scope: known.scope.parse().unwrap(),
        interactions: known.interactions.iter().cloned().collect(),
        entra_object_id: None,
        suspended_at: None,
    };
    KNOWN_GROUPS.iter().map(definition).collect()
}

const NOW: UnixTime = UnixTime(1_000);

fn assured_for(groups: &[Group]) -> Assured {
    let period = Period { starts_at: UnixTime(0), ends_at: None, suspended_at: None };
    let periods: Periods = groups.iter().map(|group| (group.clone(), period)).collect();
    Assured::of(periods.clone(), periods.clone(), periods.clone(), periods)
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
        groups: groups.iter().map(|group| (group.clone(), HonouredGroup::default())).collect::<BTreeMap<_, _>>(),
        certificates: Vec::new(),
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
    decide_by(&assured_for(holds), &provider_that_honours(honours), &known(), access, cap)
}

fn decide_by(
    assured: &Assured,
    provider: &ProviderSystem,
    groups: &[GroupDefinition],
    access: &RequestedAccess,
    cap: Option<&Cap>,
) -> Result<Vec<Group>, AccessDenied> {
    let rules = Rules { groups, policies: &[], assured, now: NOW };
    let granted = Choice::of(&ConsumerSystem::example(), provider, &rules, cap).granted(access);
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
    let of_nothing = decide(&[], &[SLOT, BOOK], &[BOOK.as_str()]);
    assert_eq!(of_nothing, Err(AccessDenied::GroupNotHeld { asked_for: BOOK.to_string(), held: "none".to_owned() }));
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

#[test]
fn a_group_of_which_one_of_the_four_has_lapsed_is_refused_and_the_one_is_named() {
    let stands = Period { starts_at: UnixTime(0), ends_at: None, suspended_at: None };
    let of = |period| -> Periods { [(SLOT, period)].into() };
    let suspended = Period { suspended_at: Some(UnixTime(7)), ..stands };
    let assured = Assured::of(of(stands), of(stands), of(stands), of(suspended));
    for access in [RequestedAccess::Everything, RequestedAccess::Only(vec![SLOT.to_string()])] {
        let refused = decide_by(&assured, &provider_that_honours(&[SLOT]), &known(), &access, None);
        let lapses = "its supplier is suspended since 1970-01-01T00:00:07Z".to_owned();
        assert_eq!(refused, Err(AccessDenied::GroupNotAssured { asked_for: SLOT.to_string(), lapses }));
    }
}

#[test]
fn a_suspended_group_is_in_no_token() {
    let mut groups = known();
    groups.iter_mut().filter(|known| known.group == SLOT).for_each(|known| known.suspended_at = Some(UnixTime(7)));
    let decide = |holds: &[Group], access: &RequestedAccess| {
        decide_by(&assured_for(holds), &provider_that_honours(&[SLOT, BOOK]), &groups, access, None)
    };
    assert_eq!(decide(&[SLOT, BOOK], &RequestedAccess::Everything), Ok(vec![BOOK]));
    for access in [RequestedAccess::Everything, RequestedAccess::Only(vec![SLOT.to_string()])] {
        let refused = decide(&[SLOT], &access);
        assert!(matches!(refused, Err(AccessDenied::GroupSuspended { .. })), "{refused:?}");
    }
}

#[test]
fn a_provider_admits_whom_every_list_that_it_gives_contains() {
    let consumer = ConsumerSystem::example();
    let [own_type, own_code, own_asid] = [
        HonouredGroup { organisation_types: ["urgent-care".parse().unwrap()].into(), ..Default::default() },
        HonouredGroup { ods_codes: ["A1001".parse().unwrap()].into(), ..Default::default() },
        HonouredGroup { asids: ["200000000205".parse().unwrap()].into(), ..Default::default() },
    ];
    let [type_and_other_code, other_type, switched_off] = [
        HonouredGroup { ods_codes: ["Z9".parse().unwrap()].into(), ..own_type.clone() },
        HonouredGroup { organisation_types: ["gp-practice".parse().unwrap()].into(), ..Default::default() },
        HonouredGroup { suspended_at: Some(UnixTime(7)), ..Default::default() },
    ];
    for honoured in [own_type, own_code, own_asid] {
        assert!(honoured.admits(&consumer), "{honoured:?}");
    }
    let decide = |honoured: HonouredGroup, access: &RequestedAccess| {
        let provider = ProviderSystem { groups: [(SLOT, honoured)].into(), ..provider_that_honours(&[]) };
        decide_by(&assured_for(&[SLOT]), &provider, &known(), access, None)
    };
    for access in [RequestedAccess::Everything, RequestedAccess::Only(vec![SLOT.to_string()])] {
        for honoured in [&type_and_other_code, &other_type] {
            let refused = decide(honoured.clone(), &access);
            assert!(matches!(refused, Err(AccessDenied::RequesterNotAdmitted { .. })), "{refused:?}");
        }
        let refused = decide(switched_off.clone(), &access);
        let expected =
            matches!(refused, Err(AccessDenied::NothingInCommon { .. } | AccessDenied::GroupNotHonoured { .. }));
        assert!(expected, "{refused:?}");
    }
}

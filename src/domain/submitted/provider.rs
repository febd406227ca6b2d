//! Providers as they are submitted.

use std::collections::BTreeMap;

use careconnect_verifier::{Algorithm, Asid, Group};
use serde_json::{Value, json};

use super::{
    Editable,
    credential::{editable_certificate, registered_certificate},
    picked, status,
};
use crate::{
    clock::UnixTime,
    domain::{
        ClaimsProfile, Fault, Fields, HonouredGroup, ProviderSystem, Registered, RegisteredCertificate, TokenLifetime,
        fields::{boolean, number, parsed},
    },
};

/// Certificates of one provider: each is compared whenever it comes.
const MOST_CERTIFICATES: usize = 100;

const MEMBERS: [&str; 8] = [
    "ods_code",
    "name",
    "service_root",
    "signing_algorithm",
    "token_lifetime_seconds",
    "certificate_bound",
    "claims_profile",
    "status",
];

impl Editable for ProviderSystem {
    fn editable(&self) -> Value {
        let group = |(group, honoured): (&Group, &HonouredGroup)| {
            json!({
                "group": group, "suspended": honoured.suspended_at.is_some(),
                "organisation_types": honoured.organisation_types, "ods_codes": honoured.ods_codes,
                "asids": honoured.asids,
            })
        };
        let mut editable = picked(&self.document(), &MEMBERS);
        editable["groups"] = self.groups.iter().map(group).collect();
        editable["certificates"] = self.certificates.iter().map(editable_certificate).collect();
        editable
    }
}

/// A provider; none without an ASID.
pub fn provider(
    fields: &mut Fields<'_>,
    before: Option<&ProviderSystem>,
    asid: Option<&Asid>,
    now: UnixTime,
) -> Option<ProviderSystem> {
    let (ods_code, name) = (fields.required("ods_code", parsed), fields.required("name", parsed));
    let service_root = fields.required("service_root", parsed);
    let signing_algorithm = fields.optional("signing_algorithm", parsed);
    let token_lifetime = fields.optional("token_lifetime_seconds", |value| {
        TokenLifetime::from_seconds(number::<u32>(value)?.into()).map_err(|error| error.to_string())
    });
    let certificate_bound = fields.optional("certificate_bound", boolean);
    let claims_profile = fields.optional("claims_profile", parsed);
    let groups = groups(fields, before, now);
    let certificates = certificates(fields);
    let status = status(fields, before.map(|before| before.status), now);
    Some(ProviderSystem {
        asid: asid?.clone(),
        ods_code: ods_code?,
        name: name?,
        service_root: service_root?,
        signing_algorithm: signing_algorithm.unwrap_or(Algorithm::Es256),
        token_lifetime: token_lifetime.unwrap_or(TokenLifetime::DEFAULT),
        certificate_bound: certificate_bound.unwrap_or_default(),
        claims_profile: claims_profile.unwrap_or(ClaimsProfile::CareConnect),
        groups,
        certificates,
        status,
        created_at: before.map_or(now, |before| before.created_at),
    })
}

/// What it proves itself with.
fn certificates(fields: &mut Fields<'_>) -> Vec<RegisteredCertificate> {
    let read = fields.objects("certificates", registered_certificate);
    if read.len() > MOST_CERTIFICATES {
        fields.fault("certificates", format!("expected {MOST_CERTIFICATES} at most"));
    }
    RegisteredCertificate::in_order(read)
}

/// The groups that it honours: URNs, and objects where there is more to say.
fn groups(fields: &mut Fields<'_>, before: Option<&ProviderSystem>, now: UnixTime) -> BTreeMap<Group, HonouredGroup> {
    let suspended_at = |group: &Group| before.and_then(|before| before.groups.get(group)?.suspended_at);
    let read = fields.each("groups", |pointer, element| {
        if element.is_string() {
            let group: Group = parsed(element).map_err(|detail| vec![Fault { pointer: pointer.clone(), detail }])?;
            let honoured = HonouredGroup { suspended_at: suspended_at(&group), ..HonouredGroup::default() };
            return Ok((pointer, group, honoured));
        }
        let read = Fields::at(pointer.clone(), element).read(|fields| {
            let group: Option<Group> = fields.required("group", parsed);
            let suspended = fields.optional("suspended", boolean);
            let honoured = HonouredGroup {
                suspended_at: match suspended {
                    Some(false) => None,
                    Some(true) => group.as_ref().and_then(suspended_at).or(Some(now)),
                    None => group.as_ref().and_then(suspended_at),
                },
                organisation_types: fields.list("organisation_types", parsed).into_iter().collect(),
                ods_codes: fields.list("ods_codes", parsed).into_iter().collect(),
                asids: fields.list("asids", parsed).into_iter().collect(),
            };
            Some((group?, honoured))
        });
        read.map(|(group, honoured)| (pointer, group, honoured))
    });
    let mut groups = BTreeMap::new();
    for (pointer, group, honoured) in read {
        let detail = format!("{group} stands in the list more than once");
        if groups.insert(group, honoured).is_some() {
            fields.fault_at(pointer, &detail);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use careconnect_verifier::KNOWN_GROUPS;

    use super::*;
    use crate::domain::{CertificateIdentity, RegistrationStatus};

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn example() -> ProviderSystem {
        let narrowed = HonouredGroup {
            suspended_at: Some(UnixTime(9)),
            organisation_types: ["gp-practice".parse().unwrap()].into(),
            ods_codes: ["A1001".parse().unwrap()].into(),
            asids: ["200000000205".parse().unwrap()].into(),
        };
        ProviderSystem {
            asid: "918999198993".parse().unwrap(),
            ods_code: "A20047".parse().unwrap(),
            name: "Example GP".parse().unwrap(),
            service_root: "https://provider.nhs.uk/A20047/STU3/1".parse().unwrap(),
            signing_algorithm: Algorithm::Rs256,
            token_lifetime: TokenLifetime::from_seconds(60).unwrap(),
            certificate_bound: true,
            claims_profile: ClaimsProfile::Entra,
            groups: [(Group::READ_SLOT, narrowed), (KNOWN_GROUPS[1].group.clone(), HonouredGroup::default())].into(),
            certificates: vec![
                RegisteredCertificate {
                    identity: CertificateIdentity::PublicKey("ab".repeat(32).parse().unwrap()),
                    environment: None,
                    issuer: None,
                },
                CertificateIdentity::SanDns("fhir.provider.nhs.uk".parse().unwrap()).into(),
            ],
            status: RegistrationStatus::Suspended { at: UnixTime(8) },
            created_at: UnixTime(7),
        }
    }

    fn read(value: &Value, before: &ProviderSystem) -> Result<ProviderSystem, Vec<String>> {
        let read = Fields::of(value).read(|fields| provider(fields, Some(before), Some(&before.asid), NOW));
        read.map_err(|faults| faults.iter().map(|fault| fault.pointer.clone()).collect())
    }

    #[test]
    fn what_may_be_changed_of_a_provider_reads_as_the_same_provider() {
        assert_eq!(read(&example().editable(), &example()).unwrap(), example());
    }

    #[test]
    fn a_group_is_named_by_its_urn_and_stays_suspended_until_somebody_says_otherwise() {
        let mut value = example().editable();
        value["groups"] = json!([Group::READ_SLOT]);
        let suspended = HonouredGroup { suspended_at: Some(UnixTime(9)), ..HonouredGroup::default() };
        assert_eq!(read(&value, &example()).unwrap().groups, [(Group::READ_SLOT, suspended)].into());
        value["groups"] = json!([{"group": Group::READ_SLOT, "suspended": false}]);
        let honoured = HonouredGroup::default();
        assert_eq!(read(&value, &example()).unwrap().groups, [(Group::READ_SLOT, honoured)].into());
    }

    #[test]
    fn all_that_is_wrong_with_a_provider_is_said_at_once() {
        // R50
        let value = json!({
            "ods_code": "", "service_root": "https://user@provider.nhs.uk", "signing_algorithm": "none",
            "token_lifetime_seconds": 3601, "certificate_bound": 1, "claims_profile": "x", "status": "on",
            "certificates": [{"kind": "key", "value": "x"}, {"kind": "san_dns", "value": "*.nhs.uk"}],
            "groups": ["read:slot", {"group": "x", "asids": ["1"], "sort": 1}, 7, Group::READ_SLOT, Group::READ_SLOT],
        });
        let expected = [
            "/ods_code",
            "/name",
            "/service_root",
            "/signing_algorithm",
            "/token_lifetime_seconds",
            "/certificate_bound",
            "/claims_profile",
            "/groups/0",
            "/groups/1/group",
            "/groups/1/asids/0",
            "/groups/1/sort",
            "/groups/2",
            "/groups/4",
            "/certificates/0/kind",
            "/certificates/1/value",
            "/status",
        ];
        assert_eq!(read(&value, &example()).unwrap_err(), expected);
    }
}

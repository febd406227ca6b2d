//! The demo register: a consumer for each way in, one suspended, one that may only look; a provider of each kind.

use careconnect_verifier::{Algorithm, Group, KNOWN_GROUPS};

use super::{
    manifest::ConsumerEntry,
    pki::{Authority, Pki},
    way_in::{Made, WayIn},
};
use crate::{
    clock::UnixTime,
    crypto::MAKES_RSA_KEYS,
    domain::{
        Act, Actor, ClaimsProfile, ConsumerSystem, HonouredGroup, Organisation, Precondition, ProviderSystem,
        RegistrationStatus, TokenLifetime, Via,
    },
    operations::{
        change_consumer::change_consumer,
        register_consumer::{ConsumerRegistration, register_consumer},
        register_provider::{ProviderRegistration, register_provider},
    },
    storage::Database,
};

/// One demo consumer: name, ASID, ODS code, organisation type, groups, and how it comes in.
struct Demo {
    name: &'static str,
    asid: &'static str,
    organisation: (&'static str, &'static str),
    groups: Vec<Group>,
    way_in: WayIn,
    suspended: bool,
}

fn all_groups() -> Vec<Group> {
    KNOWN_GROUPS.iter().map(|known| known.group.clone()).collect()
}

fn demos() -> Vec<Demo> {
    let booking = || vec![Group::READ_SLOT, Group::CREATE_APPOINTMENT];
    let demo =
        |name, asid, organisation, groups, way_in| Demo { name, asid, organisation, groups, way_in, suspended: false };
    let host = "consumer.thirdparty.example";
    use Algorithm::{Es256, Rs512};
    let mut demos = vec![
        demo(
            "Demo 111, by certificate",
            "200000000205",
            ("A1001", "urgent-care"),
            all_groups(),
            WayIn::SanDns { file: "consumer", host },
        ),
        demo(
            "Demo out-of-hours, by certificate subject",
            "200000000206",
            ("A1002", "urgent-care"),
            booking(),
            WayIn::SubjectDn { file: "consumer-subject", host: "out-of-hours.thirdparty.example" },
        ),
        demo(
            "Demo hub, by self-signed certificate",
            "200000000207",
            ("A1003", "urgent-care"),
            booking(),
            WayIn::SelfSigned { file: "consumer-self-signed", host: "hub.thirdparty.example" },
        ),
        demo("Demo practice, by secret", "200000000208", ("A20047", "gp-practice"), all_groups(), WayIn::Secret),
        demo(
            "Demo dashboard, looks at slots only",
            "200000000209",
            ("A1001", "urgent-care"),
            vec![Group::READ_SLOT],
            WayIn::Secret,
        ),
        Demo {
            suspended: true,
            ..demo("Demo suspended", "200000000210", ("B82617", "gp-practice"), booking(), WayIn::Secret)
        },
        demo(
            "Demo service, by signed assertion",
            "200000000211",
            ("A1004", "urgent-care"),
            booking(),
            WayIn::Assertion { file: "consumer-es256", algorithm: Es256, kid: "demo-1", to_token_endpoint: false },
        ),
        demo(
            "Demo gateway, by certificate URI",
            "200000000213",
            ("A1006", "urgent-care"),
            booking(),
            WayIn::SanUri { file: "consumer-uri", uri: "urn:nhs:demo:gateway" },
        ),
    ];
    if MAKES_RSA_KEYS {
        demos.push(demo(
            "Demo supplier, as on the NHS API platform",
            "200000000212",
            ("A1005", "urgent-care"),
            booking(),
            WayIn::Assertion { file: "consumer-rs512", algorithm: Rs512, kid: "test-1", to_token_endpoint: true },
        ));
    }
    demos
}

fn act(at: UnixTime) -> Act {
    Act {
        actor: Actor { name: "dev".to_owned(), via: Via::CommandLine },
        at,
        reason: Some("a demonstration".to_owned()),
        trace_id: None,
        four_eyes: false,
        repeatable: None,
    }
}

/// Registers the demo consumers.
pub(super) async fn register_consumers(
    database: &Database,
    pki: &Pki<'_>,
    authority: &Authority,
    issuer: &str,
) -> anyhow::Result<Vec<ConsumerEntry>> {
    let mut entries = Vec::new();
    for demo in demos() {
        let made = demo.way_in.make(pki, authority)?;
        let (ods_code, organisation_type) = demo.organisation;
        let registration = ConsumerRegistration {
            client_id: None,
            name: demo.name.parse()?,
            asid: demo.asid.parse()?,
            organisation: Organisation { ods_code: ods_code.parse()?, organisation_type: organisation_type.parse()? },
            supplier: "DEMO1".parse()?,
            product: Some("Demo booking".parse()?),
            product_version: Some("1.0".parse()?),
            party_key: None,
            groups: demo.groups.iter().cloned().collect(),
            evidence: Some("the demonstration assures itself".to_owned()),
            with_secret: matches!(made, Made::Secret),
            credentials: made.credential().into_iter().collect(),
            accepts_token_endpoint_audience: matches!(demo.way_in, WayIn::Assertion { to_token_endpoint: true, .. }),
            requests_per_minute: None,
        };
        let registered = register_consumer(database, registration, act(pki.now)).await?;
        let consumer = registered.consumer;
        if demo.suspended {
            let status = RegistrationStatus::Suspended { at: pki.now };
            let edit = |before: &ConsumerSystem| Ok(ConsumerSystem { status, ..before.clone() });
            change_consumer(database, &consumer.client_id, &Precondition::Any, edit, act(pki.now)).await?;
        }
        let mut entry = ConsumerEntry {
            name: consumer.name.to_string(),
            client_id: consumer.client_id.to_string(),
            asid: consumer.asid.to_string(),
            ods_code: consumer.organisation.ods_code.to_string(),
            org_type: consumer.organisation.organisation_type.to_string(),
            groups: demo.groups.iter().map(Group::to_string).collect(),
            auth_method: made.method(),
            client_secret: registered.secret.map(|secret| secret.expose().to_owned()),
            assertion_audience: demo.way_in.audience(issuer),
            status: if demo.suspended { "suspended" } else { "active" },
            ..ConsumerEntry::default()
        };
        match made {
            Made::Secret => {}
            Made::Certificate(files, _) => {
                (entry.cert_file, entry.key_file) = (Some(files.certificate), Some(files.key));
            }
            Made::Key(files) => {
                entry.kid = files.public.key_id().map(str::to_owned);
                entry.alg = Some(files.public.algorithm());
                (entry.key_file, entry.jwk_file) = (Some(files.key), Some(files.jwk));
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Registers a provider for each kind of token whose key there is.
pub(super) async fn register_providers(
    database: &Database,
    pki: &Pki<'_>,
    algorithms: &[Algorithm],
) -> anyhow::Result<Vec<ProviderSystem>> {
    use {
        Algorithm::{Es256, Rs256},
        ClaimsProfile::{CareConnect, Entra},
    };
    let demos = [
        ("Demo practice", "200000000359", "A20047", Es256, false, CareConnect),
        ("Demo treatment centre", "200000000360", "B82617", Rs256, false, CareConnect),
        ("Demo practice with bound tokens", "200000000361", "C81002", Es256, true, CareConnect),
        ("Demo practice on the original tokens", "200000000362", "D83078", Rs256, false, Entra),
    ];
    let mut providers = Vec::new();
    for (name, asid, ods_code, signing_algorithm, certificate_bound, claims_profile) in demos {
        if !algorithms.contains(&signing_algorithm) {
            continue;
        }
        let registration = ProviderRegistration {
            asid: asid.parse()?,
            ods_code: ods_code.parse()?,
            name: name.parse()?,
            service_root: format!("https://provider.thirdparty.example/{ods_code}/STU3/1").parse()?,
            signing_algorithm,
            token_lifetime: TokenLifetime::DEFAULT,
            certificate_bound,
            claims_profile,
            groups: all_groups().into_iter().map(|group| (group, HonouredGroup::default())).collect(),
            certificates: Vec::new(),
        };
        providers.push(register_provider(database, registration, act(pki.now)).await?);
    }
    Ok(providers)
}

//! The demo register: a consumer for each way in, one suspended, one that may only look; a provider of each kind.

use careconnect_verifier::{Algorithm, Group, KNOWN_GROUPS};

use super::{
    manifest::ConsumerEntry,
    pki::{Authority, CertificateFiles, Pki},
};
use crate::{
    domain::{CertificateIdentity, ClaimsProfile, CredentialKind, Organisation, ProviderSystem, TokenLifetime},
    operations::{
        change_status::{StatusChange, change_consumer_status},
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

enum WayIn {
    Secret,
    SanDns { file: &'static str, host: &'static str },
    SubjectDn { file: &'static str, host: &'static str },
    SelfSigned { file: &'static str, host: &'static str },
}

fn all_groups() -> Vec<Group> {
    KNOWN_GROUPS.iter().map(|known| known.group.clone()).collect()
}

fn demos() -> Vec<Demo> {
    let booking = || vec![Group::READ_SLOT, Group::CREATE_APPOINTMENT];
    let demo =
        |name, asid, organisation, groups, way_in| Demo { name, asid, organisation, groups, way_in, suspended: false };
    let host = "consumer.thirdparty.example";
    vec![
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
    ]
}

/// Registers the demo consumers.
pub(super) async fn register_consumers(
    database: &Database,
    pki: &Pki<'_>,
    authority: &Authority,
) -> anyhow::Result<Vec<ConsumerEntry>> {
    let mut entries = Vec::new();
    for demo in demos() {
        let (files, identity) = certificate(&demo.way_in, pki, authority)?;
        let auth_method = identity.as_ref().map_or("client_secret", CertificateIdentity::method);
        let (ods_code, organisation_type) = demo.organisation;
        let registration = ConsumerRegistration {
            client_id: None,
            name: demo.name.parse()?,
            asid: demo.asid.parse()?,
            organisation: Organisation { ods_code: ods_code.parse()?, organisation_type: organisation_type.parse()? },
            groups: demo.groups.into_iter().collect(),
            with_secret: identity.is_none(),
            credentials: identity.into_iter().map(CredentialKind::from).collect(),
            accepts_token_endpoint_audience: false,
            requests_per_minute: None,
        };
        let registered = register_consumer(database, registration, pki.now).await?;
        let consumer = registered.consumer;
        if demo.suspended {
            change_consumer_status(database, &consumer.client_id, StatusChange::Suspend, pki.now).await?;
        }
        entries.push(ConsumerEntry {
            name: consumer.name.to_string(),
            client_id: consumer.client_id.to_string(),
            asid: consumer.asid.to_string(),
            ods_code: consumer.organisation.ods_code.to_string(),
            org_type: consumer.organisation.organisation_type.to_string(),
            groups: consumer.groups.iter().map(Group::to_string).collect(),
            auth_method,
            client_secret: registered.secret.map(|secret| secret.expose().to_owned()),
            cert_file: files.as_ref().map(|files| files.certificate.clone()),
            key_file: files.map(|files| files.key),
            status: if demo.suspended { "suspended" } else { "active" },
        });
    }
    Ok(entries)
}

fn certificate(
    way_in: &WayIn,
    pki: &Pki<'_>,
    authority: &Authority,
) -> anyhow::Result<(Option<CertificateFiles>, Option<CertificateIdentity>)> {
    let (files, identity) = match way_in {
        WayIn::Secret => return Ok((None, None)),
        WayIn::SanDns { file, host } => {
            (pki.client(authority, file, host)?, CertificateIdentity::parse("san_dns", host)?)
        }
        WayIn::SubjectDn { file, host } => {
            let subject = format!("CN={host},OU=Demo,O=NHS,C=GB");
            (pki.client(authority, file, host)?, CertificateIdentity::parse("subject_dn", &subject)?)
        }
        WayIn::SelfSigned { file, host } => {
            let files = pki.self_signed(file, host)?;
            let certificate = crate::cli::consumer::certificate_of(&files.certificate, pki.now)?;
            (files, CertificateIdentity::Thumbprint(certificate.thumbprint()))
        }
    };
    Ok((Some(files), Some(identity)))
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
            groups: all_groups().into_iter().collect(),
        };
        providers.push(register_provider(database, registration, pki.now).await?);
    }
    Ok(providers)
}

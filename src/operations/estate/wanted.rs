//! What a file wants: its members as values, each with all that is wrong with it.

use std::collections::BTreeSet;

use careconnect_verifier::{Asid, ClientId, Group, OrganisationType};
use serde_json::Value;

use super::{
    credentials::{WantedCredential, credential},
    register::Register,
};
use crate::{
    clock::UnixTime,
    domain::{
        BlockedCertificate, CertificatePolicy, ConsumerSystem, DisplayName, Fault, Fields, GroupDefinition,
        OrganisationTypeDefinition, ProviderSystem,
        fields::parsed,
        key_set_address::Permitted,
        submitted::{self, SubmittedAssurance},
    },
};

/// The sections of a file; none for one that it does not have.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) organisation_types: Section<OrganisationTypeDefinition>,
    pub(super) groups: Section<GroupDefinition>,
    pub(super) providers: Section<ProviderSystem>,
    pub(super) consumers: Section<WantedConsumer>,
    pub(super) assurances: Section<SubmittedAssurance>,
    pub(super) policies: Section<CertificatePolicy>,
    pub(super) blocked: Section<BlockedCertificate>,
}

pub(super) type Section<T> = Option<Vec<Entry<T>>>;

/// One thing, and where it stands in the file.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) pointer: String,
    pub(super) value: T,
}

/// A consumer as it is but for its ways in, and these, where the file says anything of them.
#[derive(Debug)]
pub(super) struct WantedConsumer {
    pub(super) consumer: ConsumerSystem,
    pub(super) credentials: Section<WantedCredential>,
}

/// Reads a file on the ground of what is registered: what it leaves out stays as it is. Gives what is well-formed, and the
/// faults of the rest.
pub(super) fn read(file: &Value, register: &Register, permitted: Permitted, now: UnixTime) -> (Wanted, Vec<Fault>) {
    let mut fields = Fields::of(file);
    let wanted = Wanted {
        organisation_types: section(&mut fields, "organisation_types", organisation_type, |known| known.code.clone()),
        groups: section(&mut fields, "groups", |fields| group(fields, register, now), |known| known.group.clone()),
        providers: section(&mut fields, "providers", |fields| provider(fields, register, now), |it| it.asid.clone()),
        consumers: section(
            &mut fields,
            "consumers",
            |fields| consumer(fields, register, permitted, now),
            |known| known.consumer.client_id.clone(),
        ),
        assurances: section(
            &mut fields,
            "assurances",
            |fields| assurance(fields, register, now),
            |known| (known.subject.clone(), known.group.clone()),
        ),
        policies: section(
            &mut fields,
            "certificate_policies",
            |fields| policy(fields, register, now),
            |known| known.name.clone(),
        ),
        blocked: section(
            &mut fields,
            "blocked_certificates",
            |fields| submitted::blocked_certificate(fields, now),
            |known| (known.issuer.clone(), known.serial.clone()),
        ),
    };
    (wanted, fields.faults())
}

fn organisation_type(fields: &mut Fields<'_>) -> Option<OrganisationTypeDefinition> {
    let code: Option<OrganisationType> = fields.required("code", parsed);
    submitted::organisation_type(fields, code.as_ref())
}

fn group(fields: &mut Fields<'_>, register: &Register, now: UnixTime) -> Option<GroupDefinition> {
    let group: Option<Group> = fields.required("group", parsed);
    let before = group.as_ref().and_then(|group| register.groups.get(group));
    submitted::group(fields, before, group.as_ref(), now)
}

fn provider(fields: &mut Fields<'_>, register: &Register, now: UnixTime) -> Option<ProviderSystem> {
    let asid: Option<Asid> = fields.required("asid", parsed);
    let before = asid.as_ref().and_then(|asid| register.providers.get(asid));
    submitted::provider(fields, before, asid.as_ref(), now)
}

fn assurance(fields: &mut Fields<'_>, register: &Register, now: UnixTime) -> Option<SubmittedAssurance> {
    let assured = submitted::assured(fields);
    let known = |assured| register.assurances.get(assured).or_else(|| register.proposed.get(assured));
    submitted::assurance(fields, assured.as_ref().and_then(known), assured.clone(), now)
}

fn policy(fields: &mut Fields<'_>, register: &Register, now: UnixTime) -> Option<CertificatePolicy> {
    let name: Option<DisplayName> = fields.required("name", parsed);
    let before = name.as_ref().and_then(|name| register.policies.get(name));
    submitted::certificate_policy(fields, before.filter(|before| before.removed_at.is_none()), name.as_ref(), now)
}

fn consumer(
    fields: &mut Fields<'_>,
    register: &Register,
    permitted: Permitted,
    now: UnixTime,
) -> Option<WantedConsumer> {
    let client_id: Option<ClientId> = fields.required("client_id", parsed);
    let before = client_id.as_ref().and_then(|client_id| register.consumers.get(client_id));
    let consumer = submitted::consumer(fields, before, client_id.as_ref(), now);
    let is_given = fields.has("credentials");
    let credentials = fields.each("credentials", |pointer, element| {
        let value = Fields::at(pointer.clone(), element).read(|fields| credential(fields, permitted))?;
        Ok(Entry { pointer, value })
    });
    Some(WantedConsumer { consumer: consumer?, credentials: is_given.then_some(credentials) })
}

/// The entries of a section, of which no two may be of the same thing.
fn section<'a, T, K: Ord>(
    fields: &mut Fields<'a>,
    name: &'static str,
    read: impl Fn(&mut Fields<'a>) -> Option<T>,
    key: impl Fn(&T) -> K,
) -> Section<T> {
    let is_given = fields.has(name);
    let mut entries = fields.each(name, |pointer, element| {
        let value = Fields::at(pointer.clone(), element).read(&read)?;
        Ok(Entry { pointer, value })
    });
    let mut seen = BTreeSet::new();
    entries.retain(|entry| {
        let is_first = seen.insert(key(&entry.value));
        if !is_first {
            fields.fault_at(entry.pointer.clone(), "the same stands in the file more than once");
        }
        is_first
    });
    is_given.then_some(entries)
}

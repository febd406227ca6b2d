//! The register as an estate file: the same register gives the same text, on every database.

use serde_json::{Value, json};

use super::{register::Register, toml_text::toml_text};
use crate::{
    domain::{
        Act, Assurance, ConsumerSystem, Credential, CredentialKind, Registered,
        submitted::{Editable, editable_credential},
    },
    storage::{Database, StorageError},
};

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EstateFormat {
    /// For people.
    Toml,
    /// For programs.
    Json,
}

/// All that is registered and not over. With the hashes of secrets it can fill another register, and whoever has it can try
/// secrets until one fits.
pub async fn export_estate(
    database: &Database,
    act: Act,
    with_secret_hashes: bool,
    format: EstateFormat,
) -> Result<String, StorageError> {
    let mut change = database.rehearse(act).await?;
    let read = Register::read(&mut change).await;
    let register = change.finish(read).await?;
    let sections = sections(&register, with_secret_hashes);
    Ok(match format {
        EstateFormat::Toml => toml_text(&sections),
        EstateFormat::Json => format!("{:#}\n", Value::Object(sections.into_iter().map(named).collect())),
    })
}

/// The sections in the order in which one refers to the one before.
fn sections(register: &Register, with_secret_hashes: bool) -> Vec<(&'static str, Vec<Value>)> {
    let consumers = register.consumers.values().filter(|consumer| consumer.status.retired_at().is_none());
    let providers = register.providers.values().filter(|provider| provider.status.retired_at().is_none());
    let assurances = register.assurances.values().filter(|assurance| stands_ever(assurance, register));
    let policies = register.policies.values().filter(|policy| policy.removed_at.is_none());
    let blocked = register.blocked.values().filter(|blocked| blocked.unblocked_at.is_none());
    vec![
        ("organisation_types", register.organisation_types.values().map(|known| entry(known, &["code"])).collect()),
        ("groups", register.groups.values().map(|known| entry(known, &["group"])).collect()),
        ("providers", providers.map(|known| without_empty_limits(entry(known, &["asid"]))).collect()),
        ("consumers", consumers.map(|known| consumer(known, with_secret_hashes)).collect()),
        ("assurances", assurances.map(|known| entry(known, &["subject", "identifier", "group"])).collect()),
        ("certificate_policies", policies.map(|known| entry(known, &["name"])).collect()),
        (
            "blocked_certificates",
            blocked
                .map(|known| json!({"issuer": known.issuer, "serial": known.serial.as_str(), "note": known.note}))
                .collect(),
        ),
    ]
}

/// What may be changed of a thing, with what it is told by.
fn entry<T: Editable + Registered>(thing: &T, identity: &[&str]) -> Value {
    let (document, mut entry) = (thing.document(), thing.editable());
    for name in identity {
        entry[*name] = document[*name].clone();
    }
    entry
}

fn consumer(consumer: &ConsumerSystem, with_secret_hashes: bool) -> Value {
    let mut exported = entry(consumer, &["client_id"]);
    let counts_ever = |held: &&Credential| held.ends_at.is_none_or(|end| end > held.starts_at);
    let mut credentials: Vec<&Credential> =
        consumer.credentials.iter().map(AsRef::as_ref).filter(counts_ever).collect();
    credentials.sort_by_key(|held| (held.starts_at, held.id));
    let credential = |held: &Credential| {
        let mut credential = editable_credential(held);
        if let CredentialKind::Secret(hash) = &held.kind
            && with_secret_hashes
        {
            credential["hash"] = hash.as_str().into();
        }
        credential
    };
    exported["credentials"] = credentials.into_iter().map(credential).collect();
    exported
}

/// Does an assurance count at any time, for somebody who is there?
fn stands_ever(assurance: &Assurance, register: &Register) -> bool {
    let Assurance { period, .. } = assurance;
    period.ends_at.is_none_or(|end| end > period.starts_at) && !register.is_of_retired(assurance)
}

/// A provider without lists that are empty: its groups say nothing of those whom they admit when they admit all.
fn without_empty_limits(mut provider: Value) -> Value {
    if let Some(members) = provider.as_object_mut() {
        members.retain(|name, value| name != "certificates" || value.as_array().is_none_or(|list| !list.is_empty()));
    }
    for group in provider["groups"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        group.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    }
    provider
}

fn named((name, entries): (&'static str, Vec<Value>)) -> (String, Value) {
    (name.to_owned(), entries.into())
}

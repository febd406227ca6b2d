//! The ways in of one consumer: what a file says of them, and what becomes of those that there are.

use std::sync::Arc;

use super::wanted::{Entry, Section};
use crate::{
    authentication::secret_hash,
    clock::UnixTime,
    domain::{
        ConsumerSystem, Credential, CredentialId, CredentialKind, DisplayName, Fault, Fields, SecretHash,
        fields::{parsed, text},
        key_set_address::Permitted,
        submitted,
    },
    operations::{add_credentials::with_credentials, end_credential::with_end},
    random,
};

/// What a file says of one way in.
#[derive(Debug)]
pub(super) struct WantedCredential {
    id: Option<CredentialId>,
    kind: WantedKind,
    label: Option<DisplayName>,
    starts_at: Option<UnixTime>,
    ends_at: Option<UnixTime>,
}

#[derive(Debug)]
enum WantedKind {
    /// A secret that the register has, by its id; with its hash, one that it may lack.
    Secret(Option<SecretHash>),
    Public(CredentialKind),
}

pub(super) fn credential(fields: &mut Fields<'_>, permitted: Permitted) -> Option<WantedCredential> {
    let id = fields.optional("id", parsed).map(CredentialId);
    let kind = if fields.says("kind", "secret") {
        fields.required("kind", text);
        if fields.has("value") {
            fields
                .optional("value", |_| Err::<(), _>("a secret stands in no file: give its id, or its hash".to_owned()));
        }
        let hash = fields.optional("hash", |value| secret_hash::imported(text(value)?));
        if id.is_none() && hash.is_none() && !fields.has("hash") {
            fields.fault(
                "id",
                "it is missing: a secret is told by its id, and made by `consumer credential add --secret`",
            );
        }
        Some(WantedKind::Secret(hash))
    } else {
        submitted::public_kind(fields, permitted).map(WantedKind::Public)
    };
    let (label, starts_at, ends_at) = submitted::life(fields);
    Some(WantedCredential { id, kind: kind?, label, starts_at, ends_at })
}

/// The consumer with the ways in that are wanted. Others stay, unless they are pruned: then they end.
pub(super) fn settled(
    consumer: ConsumerSystem,
    wanted: Section<WantedCredential>,
    prune: bool,
    now: UnixTime,
) -> Result<ConsumerSystem, Vec<Fault>> {
    let Some(wanted) = wanted else { return Ok(consumer) };
    let (before, mut after, mut faults) = (consumer.credentials.clone(), consumer, Vec::new());
    let mut named: Vec<CredentialId> = Vec::new();
    for Entry { pointer, value } in wanted {
        let outcome = match matching(&before, &value, &named) {
            Some(held) => changed(held, &value, now).map(|changed| {
                named.push(changed.id);
                if let Some(place) = after.credentials.iter_mut().find(|held| held.id == changed.id)
                    && **place != changed
                {
                    *place = Arc::new(changed);
                }
            }),
            None => added(&after, value, now).map(|(added, consumer)| {
                named.push(added);
                after = consumer;
            }),
        };
        faults.extend(outcome.err().map(|detail| Fault { pointer, detail }));
    }
    let goes_on = |held: &&Arc<Credential>| held.ends_at.is_none_or(|end| end > now);
    for forgotten in before.iter().filter(goes_on).filter(|held| prune && !named.contains(&held.id)) {
        if let Ok(ended) = with_end(&after, forgotten.id, now) {
            after = ended;
        }
    }
    if faults.is_empty() { Ok(after) } else { Err(faults) }
}

/// The credential that is meant: the one of that id, or else one that proves the same, rather one that goes on.
fn matching<'a>(
    held: &'a [Arc<Credential>],
    wanted: &WantedCredential,
    named: &[CredentialId],
) -> Option<&'a Credential> {
    let proves_the_same = |held: &&Arc<Credential>| match &wanted.kind {
        WantedKind::Public(kind) => held.kind == *kind,
        WantedKind::Secret(Some(hash)) => held.kind == CredentialKind::Secret(hash.clone()),
        WantedKind::Secret(None) => false,
    };
    let found = match wanted.id {
        Some(id) => held.iter().find(|held| held.id == id),
        None => held
            .iter()
            .filter(|held| !named.contains(&held.id))
            .filter(proves_the_same)
            .max_by_key(|held| held.ends_at.unwrap_or(UnixTime(i64::MAX))),
    };
    found.map(AsRef::as_ref)
}

fn changed(held: &Credential, wanted: &WantedCredential, now: UnixTime) -> Result<Credential, String> {
    let is_the_same = match &wanted.kind {
        WantedKind::Public(kind) => held.kind == *kind,
        WantedKind::Secret(None) => matches!(held.kind, CredentialKind::Secret(_)),
        WantedKind::Secret(Some(hash)) => held.kind == CredentialKind::Secret(hash.clone()),
    };
    if !is_the_same {
        return Err(format!("the credential {} proves something else: end it, and add another one", held.id.0));
    }
    if let Some(end) = held.ends_at.filter(|end| *end <= now)
        && wanted.ends_at.is_none_or(|wanted| wanted > now)
    {
        return Err(format!(
            "the credential {} has ended at {end}, and does not begin again: give another one",
            held.id.0
        ));
    }
    let starts_at = wanted.starts_at.unwrap_or(held.starts_at);
    check_order(starts_at, wanted.ends_at)?;
    let label = wanted.label.as_ref().map_or_else(|| held.label.clone(), ToString::to_string);
    Ok(Credential { label, starts_at, ends_at: wanted.ends_at, ..held.clone() })
}

fn added(
    consumer: &ConsumerSystem,
    wanted: WantedCredential,
    now: UnixTime,
) -> Result<(CredentialId, ConsumerSystem), String> {
    let kind = match wanted.kind {
        WantedKind::Public(kind) => kind,
        WantedKind::Secret(Some(hash)) => CredentialKind::Secret(hash),
        WantedKind::Secret(None) => {
            return Err(
                "the register has no secret of this id for the consumer, and the file has no hash of it: export \
                        it with --with-secret-hashes, or make a secret by `consumer credential add --secret`"
                    .to_owned(),
            );
        }
    };
    let starts_at = wanted.starts_at.unwrap_or(now);
    check_order(starts_at, wanted.ends_at)?;
    let id = wanted.id.unwrap_or_else(|| CredentialId(random::uuid()));
    let label = wanted.label.map_or_else(|| kind.name().to_owned(), |label| label.to_string());
    let added = Credential { id, label, kind, starts_at, ends_at: wanted.ends_at };
    let consumer = with_credentials(consumer, std::slice::from_ref(&added)).map_err(|refused| refused.to_string())?;
    Ok((id, consumer))
}

fn check_order(starts_at: UnixTime, ends_at: Option<UnixTime>) -> Result<(), String> {
    match ends_at.filter(|end| *end <= starts_at) {
        Some(end) => Err(format!("it would end at {end}, before it starts at {starts_at}")),
        None => Ok(()),
    }
}

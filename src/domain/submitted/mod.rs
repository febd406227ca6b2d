//! What people submit of the things that are registered, as JSON, by the admin API and by estate files alike.
//!
//! Each function asks [`Fields`] for the members of one kind of thing, those of [`Registered::document`] that are not the
//! server's own, and gives what becomes of `before`. It is complete only when [`Fields::read`] finds nothing wrong, and so
//! is to be called by it. [`Editable::editable`] gives the same members of what is there: a change is read from
//! `merge_patch(before.editable(), &patch)`.

mod assurance;
mod catalogue;
mod certificates;
mod consumer;
mod credential;
mod provider;

use std::collections::BTreeSet;

use careconnect_verifier::Group;
use serde_json::{Map, Value};

pub use self::{
    assurance::{SubmittedAssurance, assurance, assured},
    catalogue::{group, organisation_type},
    certificates::{blocked_certificate, certificate_policy},
    consumer::consumer,
    credential::{SubmittedCredential, SubmittedKind, credential, editable_credential, life, public_kind},
    provider::provider,
};
use super::{
    Fields, Registered, RegistrationStatus,
    fields::{parsed, text},
};
use crate::clock::UnixTime;

/// Something of which people may change a part.
pub trait Editable: Registered {
    /// Exactly the members that may be changed, without those that are null.
    fn editable(&self) -> Value;
}

/// The members of `document` that are called so and are something.
fn picked(document: &Value, names: &[&str]) -> Value {
    let of = |name: &&str| Some((name.to_string(), document.get(name).filter(|value| !value.is_null())?.clone()));
    Value::Object(names.iter().filter_map(of).collect::<Map<_, _>>())
}

/// A registration's `status`: what it was, or active, when nothing is said.
fn status(fields: &mut Fields<'_>, before: Option<RegistrationStatus>, now: UnixTime) -> RegistrationStatus {
    let before = before.unwrap_or(RegistrationStatus::Active);
    let read = |value| match text(value)? {
        said if said == before.name() => Ok(before),
        "active" => Ok(RegistrationStatus::Active),
        "suspended" => Ok(RegistrationStatus::Suspended { at: now }),
        "retired" => Ok(RegistrationStatus::Retired { at: now }),
        other => Err(format!("expected active, suspended or retired, not {:?}", short(other))),
    };
    fields.optional("status", read).unwrap_or(before)
}

/// The `status` of what is active or suspended: since when it is suspended, if so.
fn suspension(fields: &mut Fields<'_>, before: Option<UnixTime>, now: UnixTime) -> Option<UnixTime> {
    let read = |value| match text(value)? {
        "active" => Ok(None),
        "suspended" => Ok(before.or(Some(now))),
        other => Err(format!("expected active or suspended, not {:?}", short(other))),
    };
    fields.optional("status", read).unwrap_or(before)
}

const fn suspension_name(suspended_at: Option<UnixTime>) -> &'static str {
    if suspended_at.is_some() { "suspended" } else { "active" }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

/// The URNs of at least one group.
fn groups(fields: &mut Fields<'_>) -> BTreeSet<Group> {
    let groups: BTreeSet<Group> = fields.list("groups", parsed).into_iter().collect();
    if !fields.has("groups") || fields.is_empty_list("groups") {
        fields.fault("groups", "expected at least one group");
    }
    groups
}

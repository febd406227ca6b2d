//! What an administrator did, or was refused: who, when, what before and after, and why.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Act, Actor, Registered};
use crate::clock::UnixTime;

/// One record of the audit, without its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRecord {
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// Who, and how they came.
    pub actor: Actor,
    /// What was done: `consumer.registered`; what was asked for, of a refusal.
    pub action: String,
    /// What kind of thing it was done to.
    pub subject: String,
    /// To which one.
    pub identifier: String,
    /// `done` or `refused`.
    pub outcome: &'static str,
    /// Why, in the administrator's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The request by which it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Uuid>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl AuditRecord {
    /// `before` was made into `after`.
    pub fn done<T: Registered>(act: &Act, before: Option<&T>, after: &T) -> Self {
        Self {
            outcome: "done",
            before: before.map(T::document),
            after: Some(after.document()),
            ..Self::of(act, format!("{}.{}", T::KIND, after.done_since(before)), T::KIND, after.identifier())
        }
    }

    /// Something was asked for, and not done.
    pub fn refused(act: &Act, action: &str, subject: &str, identifier: String, refusal: String) -> Self {
        Self { outcome: "refused", refusal: Some(refusal), ..Self::of(act, action.to_owned(), subject, identifier) }
    }

    fn of(act: &Act, action: String, subject: &str, identifier: String) -> Self {
        Self {
            time: act.at.to_string(),
            actor: act.actor.clone(),
            action,
            subject: subject.to_owned(),
            identifier,
            outcome: "done",
            reason: act.reason.clone(),
            trace_id: act.trace_id,
            refusal: None,
            before: None,
            after: None,
        }
    }
}

/// A record with its place in the chain, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainedRecord {
    /// Its number, from 1 on without gaps.
    pub sequence: i64,
    /// When.
    pub at: UnixTime,
    /// The JSON text that is chained: the record with its `sequence`.
    pub record: String,
    /// The chain's hash up to and including it, in hexadecimal digits.
    pub hash: String,
    /// What searches go by: actor, action, subject, identifier and outcome, once more.
    pub found_by: [String; 5],
}

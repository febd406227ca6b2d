//! On whose word the register is changed.

use uuid::Uuid;

use super::{Actor, IdempotencyKey};
use crate::clock::UnixTime;

/// What stands behind a change: who makes it, when, and why.
#[derive(Debug, Clone)]
pub struct Act {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: UnixTime,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The request by which it came, if it came by one.
    pub trace_id: Option<Uuid>,
    /// Whether what grants more waits for another administrator.
    pub four_eyes: bool,
    /// By what the same request is recognised when it comes again.
    pub repeatable: Option<Repeatable>,
}

/// The caller's name for one request, and what the request was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// Unique for the caller for a day.
    pub key: IdempotencyKey,
    /// A hash of the request: another request must not come by the same name.
    pub fingerprint: String,
}

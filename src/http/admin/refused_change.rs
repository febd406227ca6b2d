//! Changes that were refused: the one place that hears of each, and has it in the audit.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use uuid::Uuid;

use super::BASE;
use crate::{
    app::App,
    domain::{Act, Actor, AuditRecord},
    storage::StorageError,
};

/// For how long the answer waits for its record.
const PATIENCE: Duration = Duration::from_secs(5);
/// Characters of each text that somebody else wrote.
const MOST: usize = 500;

/// What somebody tried, and why it was not done.
#[derive(Debug)]
pub(super) struct RefusedChange<'a> {
    /// None when nobody has proven to be an administrator: that must not fill a record.
    pub(super) actor: Option<Actor>,
    pub(super) method: &'a Method,
    /// The path with names instead of parameters, if there is such a path.
    pub(super) route: Option<&'a str>,
    /// Without the query, and in one line.
    pub(super) path: &'a str,
    /// 400 or above.
    pub(super) status: StatusCode,
    /// As the answer says it, with every fault, in one line; nothing that is secret.
    pub(super) detail: &'a str,
    pub(super) trace_id: Uuid,
}

/// Writes it down: into the log, and what an administrator tried into the audit. A refusal that cannot be recorded is still
/// a refusal; while the database is away there is the log alone.
pub(super) async fn record_refused(app: &App, refused: RefusedChange<'_>) {
    let RefusedChange { actor, method, path, status, detail, trace_id, .. } = &refused;
    let actor = actor.as_ref().map(|actor| actor.name.as_str());
    let status = status.as_u16();
    tracing::info!(event = "admin_change_refused", %trace_id, actor, %method, path, status, detail, "change refused");
    if refused.status == StatusCode::SERVICE_UNAVAILABLE {
        return;
    }
    let trace_id = refused.trace_id;
    let Some(record) = recorded(app, refused) else { return };
    let outcome = tokio::time::timeout(PATIENCE, record).await;
    let outcome = outcome.unwrap_or_else(|_| Err(StorageError::Unavailable(format!("no answer within {PATIENCE:?}"))));
    if let Err(error) = outcome {
        tracing::error!(event = "admin_refusal_not_recorded", %trace_id, %error, "the audit lacks a refusal");
    }
}

fn recorded(app: &App, refused: RefusedChange<'_>) -> Option<impl Future<Output = Result<(), StorageError>>> {
    let act = Act {
        actor: refused.actor?,
        at: app.clock.now(),
        reason: None,
        trace_id: Some(refused.trace_id),
        four_eyes: false,
        repeatable: None,
    };
    let (action, subject, identifier) = asked_for(refused.method, refused.route, refused.path);
    let refusal = format!("{}: {}", refused.status.as_u16(), refused.detail);
    let record = AuditRecord::refused(&act, &bounded(&action), &subject, bounded(&identifier), bounded(&refusal));
    Some(app.registry.database().record_refusal(act, record))
}

/// The action, which is the same for every request of a route, what kind of thing it concerns, and which one.
fn asked_for(method: &Method, route: Option<&str>, path: &str) -> (String, String, String) {
    let below = |path: &'_ str| path.strip_prefix(BASE).unwrap_or(path).trim_start_matches('/').to_owned();
    let path = below(path);
    let Some(route) = route.map(below) else { return (format!("{method} of nothing"), "nothing".to_owned(), path) };
    let named: Vec<&str> =
        route.split('/').zip(path.split('/')).filter(|(name, _)| name.starts_with('{')).map(|(_, part)| part).collect();
    let collection = route.split('/').next().unwrap_or_default();
    let identifier = match (collection, named.as_slice()) {
        ("assurances", [kind, identifier, group]) => format!("{kind} {identifier} for {group}"),
        ("assurances", [kind, identifier]) => format!("{kind} {identifier}"),
        (_, [first, ..]) => (*first).to_owned(),
        (_, []) => String::new(),
    };
    (format!("{method} /{route}"), kind_of(collection), identifier)
}

/// `certificate_policy` of `certificate-policies`.
fn kind_of(collection: &str) -> String {
    let kind = collection.replace('-', "_");
    match (kind.strip_suffix("ies"), kind.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.to_owned(),
        (None, None) => kind,
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_found_by_what_it_concerns() {
        let asked = |route: Option<&str>, path: &str| asked_for(&Method::PATCH, route, path);
        let expected = |action: &str, subject: &str, identifier: &str| {
            (action.to_owned(), subject.to_owned(), identifier.to_owned())
        };
        assert_eq!(
            asked(Some("/admin/v1/consumers/{client_id}/credentials/{id}"), "/admin/v1/consumers/a/credentials/b"),
            expected("PATCH /consumers/{client_id}/credentials/{id}", "consumer", "a")
        );
        assert_eq!(
            asked(Some("/admin/v1/assurances/{subject}/{identifier}/{group}"), "/admin/v1/assurances/system/1/urn:x"),
            expected("PATCH /assurances/{subject}/{identifier}/{group}", "assurance", "system 1 for urn:x")
        );
        assert_eq!(
            asked(Some("/admin/v1/certificate-policies"), "/admin/v1/certificate-policies"),
            expected("PATCH /certificate-policies", "certificate_policy", "")
        );
        assert_eq!(asked(None, "/admin/v1/x/y"), expected("PATCH of nothing", "nothing", "x/y"));
    }
}

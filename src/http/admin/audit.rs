//! `/admin/v1/audit`: what administrators did and were refused, the newest first.

use std::{cmp::Reverse, fmt, num::ParseIntError, str::FromStr};

use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{AdminState, answer::found, page::PageRequest, problem::Problem, query::Query, routes::Routes};
use crate::{
    domain::ChainedRecord,
    storage::{AuditCheckpoint, AuditQuery},
};

const FILTERS: &[&str] = &["actor", "action", "subject", "identifier", "outcome", "from", "until", "limit", "cursor"];

pub(super) fn routes(routes: Routes) -> Routes {
    routes.read("/audit", FILTERS, search).read("/audit/head", &[], head).read("/audit/{sequence}", &[], read)
}

async fn search(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let (page, text) = (PageRequest::<Newest>::of(&query)?, |name| query.text(name).map(str::to_owned));
    if let Some(outcome) = query.text("outcome").filter(|outcome| !["done", "refused"].contains(outcome)) {
        let rule = format!("expected done or refused, not {:?}", outcome.chars().take(64).collect::<String>());
        return Err(Problem::parameters([("outcome".to_owned(), rule)]));
    }
    let wanted = AuditQuery {
        before: page.after.map(|Newest(Reverse(sequence))| sequence),
        from: query.get("from")?,
        until: query.get("until")?,
        actor: text("actor"),
        action: text("action"),
        subject: text("subject"),
        identifier: text("identifier"),
        outcome: text("outcome"),
    };
    let limit = u32::try_from(page.limit + 1).unwrap_or(u32::MAX);
    let records = state.app.registry.database().search_audit(&wanted, limit).await?;
    let page = page.of_items(records, |record| Newest(Reverse(record.sequence)));
    Ok(page.answer(&query, document))
}

/// Its JSON text is what is chained; the hash covers that and all records before it.
fn document(record: &ChainedRecord) -> Value {
    let mut document = serde_json::from_str(&record.record).unwrap_or_else(|_| json!({ "sequence": record.sequence }));
    document["hash"] = record.hash.as_str().into();
    document
}

async fn read(
    State(state): State<AdminState>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("the audit has no record of that number");
    let sequence: i64 = number.parse().map_err(|_| missing())?;
    let next = state.app.registry.database().read_audit(sequence.saturating_sub(1), 1).await?;
    let record = next.into_iter().find(|record| record.sequence == sequence);
    Ok(found(&headers, document(&record.ok_or_else(missing)?)))
}

/// The end of the chain, for whoever keeps it elsewhere.
async fn head(State(state): State<AdminState>) -> Result<Response, Problem> {
    let database = state.app.registry.database();
    let covered = database.last_audit_checkpoint().await?;
    let checkpoint = database.read_audit_checkpoints(covered - 1, 1).await?.pop();
    let (sequence, hash) = database.audit_head().await?;
    let shown = |AuditCheckpoint { sequence, hash, at, signature }| json!({ "sequence": sequence, "hash": hash, "signed_at": at.to_string(), "signature": signature });
    Ok(Json(json!({ "sequence": sequence, "hash": hash, "checkpoint": checkpoint.map(shown) })).into_response())
}

/// The number of a record: of two the greater one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Newest(Reverse<i64>);

impl FromStr for Newest {
    type Err = ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|sequence| Self(Reverse(sequence)))
    }
}

impl fmt::Display for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.0)
    }
}

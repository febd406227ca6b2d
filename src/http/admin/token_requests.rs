//! `/admin/v1/token-requests`: what was answered to token requests on this machine, the newest first.

use std::{cmp::Reverse, fmt, str::FromStr, sync::Arc};

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    AdminState,
    answer::found,
    page::PageRequest,
    path::{missing, named},
    problem::Problem,
    query::Query,
    routes::Routes,
};
use crate::{
    blocking::blocking,
    record::{self, Found, Position, search_while},
};

const FILTERS: &[&str] = &[
    "client_id",
    "asid",
    "ods_code",
    "audience",
    "outcome",
    "reason",
    "trace_id",
    "token_id",
    "from",
    "until",
    "limit",
    "cursor",
];

pub(super) fn routes(routes: Routes) -> Routes {
    routes.read("/token-requests", FILTERS, list).read("/token-requests/{trace_id}", &[], read)
}

async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let (page, text) = (PageRequest::<Newest>::of(&query)?, |name| query.text(name).map(str::to_owned));
    if let Some(outcome) = query.text("outcome").filter(|outcome| !["issued", "refused"].contains(outcome)) {
        let rule = format!("expected issued or refused, not {:?}", outcome.chars().take(64).collect::<String>());
        return Err(Problem::parameters([("outcome".to_owned(), rule)]));
    }
    let wanted = record::Query {
        client_id: text("client_id"),
        asid: text("asid"),
        ods_code: text("ods_code").map(|code| code.to_ascii_uppercase()),
        audience: text("audience"),
        outcome: text("outcome"),
        reason: text("reason"),
        trace_id: query.get("trace_id")?,
        token_id: query.get("token_id")?,
        from: query.get("from")?,
        until: query.get("until")?,
        before: page.after.clone().map(|Newest(Reverse(position))| position),
    };
    let entries = search(&state, wanted, page.limit + 1).await?;
    let page = page.of_items(entries, |entry| Newest(Reverse(entry.position())));
    Ok(page.answer(&query, document))
}

async fn read(
    State(state): State<AdminState>,
    Path(number): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let trace_id: Uuid = named("token request", &number)?;
    let wanted = record::Query { trace_id: Some(trace_id), ..record::Query::default() };
    let entry = search(&state, wanted, 1).await?.pop();
    Ok(found(&headers, document(&entry.ok_or_else(|| missing("token request", &number))?)))
}

fn document(entry: &Found) -> Value {
    serde_json::to_value(entry).unwrap_or_default() // texts and numbers always are JSON
}

/// Reads files, and gives up when the request does.
async fn search(state: &AdminState, wanted: record::Query, limit: usize) -> Result<Vec<Found>, Problem> {
    let directory = state.app.record.directory().to_owned();
    let waiting = Arc::new(());
    let waits = Arc::downgrade(&waiting);
    let found = blocking(move || search_while(&directory, &wanted, limit, || waits.strong_count() > 0)).await;
    drop(waiting);
    found.map_err(Problem::internal)
}

/// The place of an entry: of two the later one comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Newest(Reverse<Position>);

impl FromStr for Newest {
    type Err = record::InvalidPosition;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|position| Self(Reverse(position)))
    }
}

impl fmt::Display for Newest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.fmt(f)
    }
}

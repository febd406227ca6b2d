//! `GET /admin/v1/keys`: the keys that sign, as others may see them.

use axum::{extract::State, response::Response};
use serde_json::{Value, json};

use super::{AdminState, page::Page, problem::Problem, query::Query, routes::Routes};
use crate::signing::PublishedKey;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.read("/keys", &[], list)
}

/// All of them, the newest first: they are few.
async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let keys = state.app.key_ring.published().iter().map(document).collect::<Result<_, _>>();
    let page = Page { items: keys.map_err(Problem::internal)?, next: None };
    Ok(page.answer(&query, Value::clone))
}

fn document(key: &PublishedKey) -> serde_json::Result<Value> {
    let jwk: Value = serde_json::from_str(&key.jwk)?;
    Ok(json!({
        "kid": key.kid.as_ref(), "algorithm": key.algorithm, "jwk": jwk, "signs": key.signs,
        "written_at": key.written_at.to_string(),
    }))
}

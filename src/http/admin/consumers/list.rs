//! `GET /consumers`: those that meet everything that the query names. They come from memory, once it is up to date.

use axum::{extract::State, response::Response};
use careconnect_verifier::ClientId;

use super::super::{AdminState, page::PageRequest, problem::Problem, query::Query};
use crate::{
    domain::{ConsumerSystem, Registered},
    registry::search::ConsumerFilter,
};

pub(super) const PARAMETERS: [&str; 9] =
    ["asid", "ods_code", "supplier_ods_code", "name", "group", "status", "expires_before", "limit", "cursor"];

pub(super) async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let page = PageRequest::<ClientId>::of(&query)?;
    let filter = ConsumerFilter {
        asid: query.get("asid")?,
        ods_code: query.get("ods_code")?,
        supplier: query.get("supplier_ods_code")?,
        name: query.get("name")?,
        group: query.get("group")?,
        status: query.get("status")?,
        expires_before: query.time("expires_before")?,
    };
    let (after, now) = (page.after.clone(), state.app.clock.now());
    let found = state.app.registry.find_consumers(filter, after, page.limit + 1, now).await?;
    let items = page.of_items(found, |consumer| consumer.client_id.clone());
    Ok(items.answer(&query, |consumer| ConsumerSystem::document(consumer)))
}

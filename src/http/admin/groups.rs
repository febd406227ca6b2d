//! `/admin/v1/groups`: capabilities, and what each permits.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use careconnect_verifier::Group;

use super::{
    AdminState,
    answer::{IfMatch, found},
    edit::{patched, reasoned, submitted},
    idempotency::Outcome,
    page::PageRequest,
    path::{missing, named, path_of},
    problem::Problem,
    query::Query,
    routes::Routes,
    submission::Submission,
};
use crate::{
    domain::{GroupDefinition, Registered, Role, fields::parsed, submitted::group},
    operations::change_group::{add_group, change_group},
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read("/groups", &["limit", "cursor"], list)
        .post("/groups", Role::Editor, add)
        .read("/groups/{group}", &[], read)
        .patch("/groups/{group}", Role::Editor, change)
}

async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let page = PageRequest::<Group>::of(&query)?;
    let mut all = state.app.registry.database().list_groups().await?;
    all.sort_by(|one, other| one.group.cmp(&other.group));
    Ok(page.of_items(all, |definition| definition.group.clone()).answer(&query, Registered::document))
}

async fn read(
    State(state): State<AdminState>,
    Path(urn): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let group: Group = named("group", &urn)?;
    let all = state.app.registry.database().list_groups().await?;
    let definition = all.into_iter().find(|definition| definition.group == group);
    Ok(found(&headers, definition.ok_or_else(|| missing("group", &urn))?.document()))
}

async fn add(State(state): State<AdminState>, submission: Submission) -> Result<Response, Problem> {
    let ((act, value), app) = (reasoned(submission), &state.app);
    let definition = submitted(&value, |fields| {
        let urn: Option<Group> = fields.required("group", parsed);
        group(fields, None, urn.as_ref(), act.at)
    })?;
    let added = add_group(app.registry.database(), &definition, act).await.map(|()| definition);
    let outcome = Outcome::of(app, added, &value).await?;
    Ok(outcome.created(|definition| path_of("groups", definition["group"].as_str().unwrap_or_default())))
}

async fn change(
    State(state): State<AdminState>,
    Path(urn): Path<String>,
    IfMatch(expected): IfMatch,
    submission: Submission,
) -> Result<Response, Problem> {
    let ((act, patch), app, urn) = (reasoned(submission), &state.app, named("group", &urn)?);
    let now = act.at;
    let edit =
        |before: &GroupDefinition| patched(before, &patch, |fields| group(fields, Some(before), Some(&urn), now));
    let changed = change_group(app.registry.database(), &urn, &expected, edit, act).await;
    Ok(Outcome::of(app, changed, &patch).await?.changed())
}

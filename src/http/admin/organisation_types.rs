//! `/admin/v1/organisation-types`: what kinds of organisation there are.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use careconnect_verifier::OrganisationType;

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
    domain::{OrganisationTypeDefinition, Registered, Role, fields::parsed, submitted::organisation_type},
    operations::change_organisation_type::{add_organisation_type, change_organisation_type},
};

const WHAT: &str = "organisation type";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read("/organisation-types", &["limit", "cursor"], list)
        .post("/organisation-types", Role::Editor, add)
        .read("/organisation-types/{code}", &[], read)
        .patch("/organisation-types/{code}", Role::Editor, change)
}

async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let page = PageRequest::<OrganisationType>::of(&query)?;
    let mut all = state.app.registry.database().list_organisation_types().await?;
    all.sort_by(|one, other| one.code.cmp(&other.code));
    Ok(page.of_items(all, |definition| definition.code.clone()).answer(&query, Registered::document))
}

async fn read(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let code: OrganisationType = named(WHAT, &name)?;
    let all = state.app.registry.database().list_organisation_types().await?;
    let definition = all.into_iter().find(|definition| definition.code == code);
    Ok(found(&headers, definition.ok_or_else(|| missing(WHAT, &name))?.document()))
}

async fn add(State(state): State<AdminState>, submission: Submission) -> Result<Response, Problem> {
    let ((act, value), app) = (reasoned(submission), &state.app);
    let definition = submitted(&value, |fields| {
        let code: Option<OrganisationType> = fields.required("code", parsed);
        organisation_type(fields, code.as_ref())
    })?;
    let added = add_organisation_type(app.registry.database(), &definition, act).await.map(|()| definition);
    let outcome = Outcome::of(app, added, &value).await?;
    Ok(outcome.created(|definition| path_of("organisation-types", definition["code"].as_str().unwrap_or_default())))
}

async fn change(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    IfMatch(expected): IfMatch,
    submission: Submission,
) -> Result<Response, Problem> {
    let ((act, patch), app, code) = (reasoned(submission), &state.app, named(WHAT, &name)?);
    let edit =
        |before: &OrganisationTypeDefinition| patched(before, &patch, |fields| organisation_type(fields, Some(&code)));
    let changed = change_organisation_type(app.registry.database(), &code, &expected, edit, act).await;
    Ok(Outcome::of(app, changed, &patch).await?.changed())
}

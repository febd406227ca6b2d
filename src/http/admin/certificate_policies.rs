//! `/admin/v1/certificate-policies`: what certificates of some names may obtain at most.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};

use super::{
    AdminState,
    answer::{IfMatch, found},
    catalogue::Catalogue,
    edit::{patched, reasoned, submitted},
    idempotency::Outcome,
    page::PageRequest,
    path::{missing, named, path_of},
    problem::Problem,
    query::Query,
    routes::Routes,
    submission::{Acting, Submission},
};
use crate::{
    domain::{CertificatePolicy, DisplayName, Registered, Role, fields::parsed, submitted::certificate_policy},
    operations::cap_certificates::{add_certificate_policy, change_certificate_policy, remove_certificate_policy},
    storage::StorageError,
};

const WHAT: &str = "certificate policy";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read("/certificate-policies", &["limit", "cursor"], list)
        .post("/certificate-policies", Role::Editor, add)
        .read("/certificate-policies/{name}", &[], read)
        .patch("/certificate-policies/{name}", Role::Editor, change)
        .delete("/certificate-policies/{name}", Role::Editor, remove)
}

/// Those that hold, in the order of their names.
async fn holding(state: &AdminState) -> Result<Vec<CertificatePolicy>, StorageError> {
    let mut all = state.app.registry.database().list_certificate_policies().await?;
    all.retain(|policy| policy.removed_at.is_none());
    all.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    Ok(all)
}

async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let page = PageRequest::<String>::of(&query)?;
    let all = holding(&state).await?;
    Ok(page.of_items(all, |policy| policy.name.to_string()).answer(&query, Registered::document))
}

async fn read(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let policy = holding(&state).await?.into_iter().find(|policy| policy.name.as_str() == name);
    Ok(found(&headers, policy.ok_or_else(|| missing(WHAT, &name))?.document()))
}

async fn add(State(state): State<AdminState>, submission: Submission) -> Result<Response, Problem> {
    let ((act, value), app) = (reasoned(submission), &state.app);
    let database = app.registry.database();
    let catalogue = Catalogue::of(database).await?;
    let policy = submitted(&value, |fields| {
        let name: Option<DisplayName> = fields.required("name", parsed);
        catalogue.check(fields, &value);
        certificate_policy(fields, None, name.as_ref(), act.at)
    })?;
    let CertificatePolicy { name, host_prefix, issuer, groups, .. } = policy;
    let added = add_certificate_policy(database, name, host_prefix, issuer, groups, act).await;
    let outcome = Outcome::of(app, added, &value).await?;
    Ok(outcome.created(|policy| path_of("certificate-policies", policy["name"].as_str().unwrap_or_default())))
}

async fn change(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    IfMatch(expected): IfMatch,
    submission: Submission,
) -> Result<Response, Problem> {
    let ((act, patch), app, name) = (reasoned(submission), &state.app, named(WHAT, &name)?);
    let (database, now) = (app.registry.database(), act.at);
    let catalogue = Catalogue::of(database).await?;
    let edit = |before: &CertificatePolicy| {
        patched(before, &patch, |fields| {
            catalogue.check(fields, &patch);
            certificate_policy(fields, Some(before), Some(&name), now)
        })
    };
    let changed = change_certificate_policy(database, &name, &expected, edit, act).await;
    Ok(Outcome::of(app, changed, &patch).await?.changed())
}

async fn remove(
    State(state): State<AdminState>,
    Path(name): Path<String>,
    IfMatch(expected): IfMatch,
    Acting(act): Acting,
) -> Result<Response, Problem> {
    let (app, name) = (&state.app, named(WHAT, &name)?);
    let removed = remove_certificate_policy(app.registry.database(), &name, &expected, act).await;
    Ok(Outcome::of(app, removed, &serde_json::Value::Null).await?.changed())
}

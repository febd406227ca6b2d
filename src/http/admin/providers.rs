//! `/admin/v1/providers`: FHIR services that accept tokens.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use careconnect_verifier::{Algorithm, Asid};
use serde_json::Value;

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
    submission::Submission,
};
use crate::{
    domain::{Fields, ProviderSystem, Registered, RegistrationStatus, Role, fields::parsed, submitted::provider},
    operations::{
        change_provider::change_provider,
        register_provider::{ProviderRegistration, register_provider},
    },
    registry::search::ProviderFilter,
    signing::Keys,
    storage::Database,
};

const COLLECTION: &str = "providers";

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read("/providers", &["asid", "ods_code", "name", "group", "status", "limit", "cursor"], list)
        .post("/providers", Role::Editor, register)
        .read("/providers/{asid}", &[], read)
        .patch("/providers/{asid}", Role::Editor, change)
}

async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let filter = ProviderFilter {
        asid: query.get("asid")?,
        ods_code: query.get("ods_code")?,
        group: query.get("group")?,
        status: query.get("status")?,
        name: query.text("name").map(str::to_owned),
    };
    let page = PageRequest::<Asid>::of(&query)?;
    let found = matching(state.app.registry.database(), &filter, &page).await?;
    Ok(page.of_items(found, |provider| provider.asid.clone()).answer(&query, Registered::document))
}

/// Reads no further than the page and one more.
async fn matching(
    database: &Database,
    filter: &ProviderFilter,
    page: &PageRequest<Asid>,
) -> Result<Vec<ProviderSystem>, Problem> {
    if let Some(asid) = &filter.asid {
        let found = database.find_provider(asid).await?;
        return Ok(found.into_iter().filter(|provider| filter.matches(provider)).collect());
    }
    let mut after = page.after.as_ref().map_or_else(String::new, ToString::to_string);
    let mut matching = Vec::new();
    while matching.len() <= page.limit {
        let next = database.providers_after(&after).await?;
        let Some(last) = next.last() else { break };
        after = last.asid.to_string();
        matching.extend(next.into_iter().filter(|provider| filter.matches(provider)));
    }
    Ok(matching)
}

async fn read(
    State(state): State<AdminState>,
    Path(asid): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let provider = state.app.registry.database().find_provider(&named("provider", &asid)?).await?;
    Ok(found(&headers, provider.ok_or_else(|| missing("provider", &asid))?.document()))
}

async fn register(State(state): State<AdminState>, submission: Submission) -> Result<Response, Problem> {
    let ((act, value), app) = (reasoned(submission), &state.app);
    let database = app.registry.database();
    let catalogue = Catalogue::of(database).await?;
    let provider = submitted(&value, |fields| {
        let asid: Option<Asid> = fields.required("asid", parsed);
        catalogue.check(fields, &value);
        refuse_unsigned(fields, &value, &app.keys, None);
        let read = provider(fields, None, asid.as_ref(), act.at)?;
        if read.status != RegistrationStatus::Active {
            fields.fault("status", "a new provider is active: change it afterwards");
        }
        Some(read)
    })?;
    let registered = register_provider(database, registration(provider), act).await;
    let outcome = Outcome::of(app, registered, &value).await?;
    Ok(outcome.created(|provider| path_of(COLLECTION, provider["asid"].as_str().unwrap_or_default())))
}

fn registration(provider: ProviderSystem) -> ProviderRegistration {
    ProviderRegistration {
        asid: provider.asid,
        ods_code: provider.ods_code,
        name: provider.name,
        service_root: provider.service_root,
        signing_algorithm: provider.signing_algorithm,
        token_lifetime: provider.token_lifetime,
        certificate_bound: provider.certificate_bound,
        claims_profile: provider.claims_profile,
        groups: provider.groups,
        certificates: provider.certificates,
    }
}

async fn change(
    State(state): State<AdminState>,
    Path(asid): Path<String>,
    IfMatch(expected): IfMatch,
    submission: Submission,
) -> Result<Response, Problem> {
    let ((act, patch), app, now) = (reasoned(submission), &state.app, state.app.clock.now());
    let (database, asid) = (app.registry.database(), named("provider", &asid)?);
    let catalogue = Catalogue::of(database).await?;
    let edit = |before: &ProviderSystem| {
        patched(before, &patch, |fields| {
            catalogue.check(fields, &patch);
            refuse_unsigned(fields, &patch, &app.keys, Some(before));
            provider(fields, Some(before), Some(&before.asid), now)
        })
    };
    let changed = change_provider(database, &asid, &expected, edit, act).await;
    Ok(Outcome::of(app, changed, &patch).await?.changed())
}

/// Tokens that nobody can sign would be of no use. What was said before is not said again.
fn refuse_unsigned(fields: &mut Fields<'_>, value: &Value, keys: &Keys, before: Option<&ProviderSystem>) {
    let said = value.get("signing_algorithm").filter(|said| !said.is_null());
    let wanted = match said {
        Some(said) => parsed::<Algorithm>(said).ok(),
        None => before.is_none().then_some(Algorithm::Es256),
    };
    let changed = wanted.filter(|wanted| before.is_none_or(|before| before.signing_algorithm != *wanted));
    if let Some(algorithm) = changed.filter(|algorithm| !keys.has(*algorithm)) {
        let known: Vec<String> = keys.algorithms().iter().map(ToString::to_string).collect();
        let detail = format!("there is no key that signs with {algorithm}: expected {}", known.join(" or "));
        fields.fault("signing_algorithm", detail);
    }
}

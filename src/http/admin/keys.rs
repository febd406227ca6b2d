//! `/admin/v1/keys`: the keys that sign, as others may see them, and what administrators do to them.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use careconnect_verifier::Algorithm;
use serde_json::{Value, json};

use super::{
    AdminState,
    answer::found,
    edit::{reasoned, submitted},
    idempotency::Outcome,
    page::Page,
    path::missing,
    problem::Problem,
    query::Query,
    routes::Routes,
    submission::Submission,
};
use crate::{
    app::App,
    blocking::blocking,
    domain::{KeySetFetch, KnownTo, Registered, Role, SigningKeyRecord, fields::parsed, key_schedule::turn},
    operations::{
        change_keys::KeyWork, change_refused::ChangeRefused, rotate_keys::rotate_keys, withdraw_key::withdraw_key,
    },
};

const WHAT: &str = "signing key";

pub(super) fn routes(routes: Routes) -> Routes {
    routes.read("/keys", &[], list).read("/keys/{kid}", &[], read).post("/keys/rotations", Role::Editor, rotate).post(
        "/keys/{kid}/withdrawal",
        Role::Editor,
        withdraw,
    )
}

/// All that are published and those that were withdrawn, the latest first: they are few.
async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let ring = state.app.keys.ring();
    let mut keys: Vec<_> = ring.records().iter().collect();
    keys.sort_by(|one, other| turn(other).cmp(&turn(one)));
    let fetches = state.app.registry.database().list_key_set_fetches().await.ok();
    let items = keys.into_iter().map(|key| document(&state.app, key, fetches.as_deref())).collect();
    Ok(Page { items, next: None }.answer(&query, Value::clone))
}

async fn read(
    State(state): State<AdminState>,
    Path(kid): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ring = state.app.keys.ring();
    let key = ring.records().iter().find(|key| *key.kid == *kid).ok_or_else(|| missing(WHAT, &kid))?;
    let fetches = state.app.registry.database().list_key_set_fetches().await.ok();
    Ok(found(&headers, document(&state.app, key, fetches.as_deref())))
}

/// The next key of an algorithm signs as soon as others can know it.
async fn rotate(State(state): State<AdminState>, submission: Submission) -> Result<Response, Problem> {
    let ((act, value), app) = (reasoned(submission), &state.app);
    let algorithm = submitted(&value, |fields| fields.required("algorithm", parsed::<Algorithm>))?;
    let work = KeyWork::of(app);
    let rotated = rotate_keys(&work, &[algorithm], act).await.and_then(|rotated| {
        let nothing = || ChangeRefused::Conflict(format!("the turn of the next {algorithm} key has come already"));
        rotated.into_iter().next().ok_or_else(nothing)
    });
    followed(app).await;
    Ok(Outcome::of(app, rotated, &value).await?.changed())
}

/// Nothing counts any more that the key signed.
async fn withdraw(
    State(state): State<AdminState>,
    Path(kid): Path<String>,
    submission: Submission,
) -> Result<Response, Problem> {
    let ((act, value), app) = (reasoned(submission), &state.app);
    submitted(&value, |_| Some(()))?;
    let withdrawn = withdraw_key(&KeyWork::of(app), &kid, act).await;
    followed(app).await;
    Ok(Outcome::of(app, withdrawn, &value).await?.changed())
}

/// This node signs with what is registered now; if the database is away, it follows later.
async fn followed(app: &App) {
    if app.registry.catch_up(true).await.is_ok() {
        let (keys, records) = (app.keys.clone(), app.registry.signing_keys());
        blocking(move || keys.follow(records)).await;
    }
}

/// With what is known of it now; without the database nobody knows who has fetched it.
fn document(app: &App, key: &SigningKeyRecord, fetches: Option<&[KeySetFetch]>) -> Value {
    let (ring, now) = (app.keys.ring(), app.clock.now());
    let mut document = key.document();
    document["state"] = ring.schedule().state(key, ring.records(), now).name().into();
    let providers = app.registry.providers();
    let known = fetches.map(|fetches| KnownTo::of(key, providers.iter().map(AsRef::as_ref), fetches));
    document["known_to"] = json!(known);
    document["signs_here"] = json!(!ring.unopened().any(|unopened| *unopened == key.kid));
    document
}

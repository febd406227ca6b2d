//! `GET` and `PATCH /consumers/{client_id}`.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::Value;

use super::{
    super::{
        AdminState,
        answer::{IfMatch, found},
        idempotency::Outcome,
        patch::patched,
        path::named,
        problem::Problem,
        submission::Submission,
    },
    found as find,
};
use crate::{
    clock::UnixTime,
    domain::{
        ConsumerSystem, Fields, Registered,
        fields::sentence,
        submitted::{self, Editable},
    },
    operations::{change_consumer::change_consumer, change_refused::ChangeRefused},
};

pub(super) async fn show(
    State(state): State<AdminState>,
    Path(client_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Ok(found(&headers, find(&state, &client_id).await?.document()))
}

pub(super) async fn change(
    State(state): State<AdminState>,
    Path(client_id): Path<String>,
    IfMatch(expected): IfMatch,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let (client_id, now) = (named("consumer", &client_id)?, act.at);
    let edit = |before: &ConsumerSystem| edited(before, &value, now);
    let changed = change_consumer(state.app.registry.database(), &client_id, &expected, edit, act).await;
    Ok(Outcome::of(&state.app, changed, &value).await?.changed())
}

fn edited(before: &ConsumerSystem, patch: &Value, now: UnixTime) -> Result<ConsumerSystem, ChangeRefused> {
    let merged = patched(before.editable(), patch);
    let read = Fields::of(&merged).read(|fields| {
        fields.optional("reason", sentence);
        submitted::consumer(fields, Some(before), Some(&before.client_id), now)
    });
    read.map_err(ChangeRefused::Invalid)
}

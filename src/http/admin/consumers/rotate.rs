//! `POST /consumers/{client_id}/secret-rotations`: a new secret, while the others live on for a while.

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    super::{
        AdminState,
        answer::created,
        idempotency::{Earlier, earlier, replayed},
        path::named,
        problem::Problem,
        submission::Submission,
    },
    credentials::{added_by, credential_path},
};
use crate::{
    domain::{
        DisplayName, EntityTag, Fields,
        fields::{number, parsed, sentence},
    },
    operations::rotate_secret::rotate_secret,
};

/// A year: whoever needs longer adds a second secret.
const LONGEST_OVERLAP: u32 = 366 * 24 * 60 * 60;

pub(super) async fn rotate(
    State(state): State<AdminState>,
    Path(client_id): Path<String>,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let client_id = named("consumer", &client_id)?;
    let (overlap, label) = Fields::of(&value).read(|fields| {
        fields.optional("reason", sentence);
        let label = fields.optional("label", parsed::<DisplayName>);
        let overlap = fields.required("overlap_seconds", |value| match number::<u32>(value)? {
            overlap if overlap <= LONGEST_OVERLAP => Ok(overlap),
            overlap => Err(format!("expected at most {LONGEST_OVERLAP}, received {overlap}")),
        });
        Some((overlap?, label))
    })?;
    match rotate_secret(state.app.registry.database(), &client_id, label, overlap.into(), act).await {
        Ok(rotated) => {
            let ending = rotated.ending.iter();
            let ending = ending.map(|(id, end)| json!({ "id": id.0, "ends_at": end.to_string() })).collect();
            let secret = rotated.secret.expose();
            Ok(answer(client_id.as_str(), &rotated.credential.document(), Some(secret), ending))
        }
        Err(refused) => {
            let done = earlier(&state.app, refused, &value).await?;
            Ok(replayed(answer(client_id.as_str(), &added_by(&done), None, ended_by(&done))))
        }
    }
}

/// The secret is in the answer that makes it, and in no other (R16).
fn answer(client_id: &str, credential: &Value, secret: Option<&str>, ending: Vec<Value>) -> Response {
    let body = json!({ "credential": credential, "client_secret": secret, "ending": ending });
    created(&credential_path(client_id, credential), body, &EntityTag::of(credential))
}

/// The secrets that an earlier request lets end.
fn ended_by(done: &[Earlier]) -> Vec<Value> {
    let Some(Earlier { before: Some(before), after, .. }) = done.first() else { return Vec::new() };
    let credentials = |consumer: &Value| consumer["credentials"].as_array().cloned().unwrap_or_default();
    let (before, after) = (credentials(before), credentials(after));
    let is_other =
        |held: &&Value| before.iter().any(|known| known["id"] == held["id"] && known["ends_at"] != held["ends_at"]);
    after.iter().filter(is_other).map(|held| json!({ "id": held["id"], "ends_at": held["ends_at"] })).collect()
}

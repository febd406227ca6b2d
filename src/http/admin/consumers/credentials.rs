//! `/consumers/{client_id}/credentials`: the ways in of one consumer.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{
        AdminState,
        answer::{IfMatch, changed, created},
        idempotency::{Earlier, earlier, replayed},
        patch::patched,
        path::{named, nothing},
        problem::Problem,
        submission::Submission,
    },
    found, path_of,
};
use crate::{
    domain::{
        ClientSecret, Credential, CredentialId, DisplayName, EntityTag, Fields,
        fields::{parsed, sentence, time},
        submitted::{self, SubmittedCredential, SubmittedKind},
    },
    operations::{
        add_credentials::{NewCredential, NewCredentialKind, add_credentials},
        change_credential::change_credential,
        change_refused::ChangeRefused,
    },
    storage::CredentialUse,
};

pub(super) async fn list(State(state): State<AdminState>, Path(client_id): Path<String>) -> Result<Response, Problem> {
    let consumer = found(&state, &client_id).await?;
    let uses = state.app.registry.database().list_uses_of(&consumer.client_id).await?;
    let mut credentials = consumer.credentials;
    credentials.sort_by_key(|held| (held.starts_at, held.id));
    let items: Vec<Value> = credentials.iter().map(|credential| shown(credential, &uses)).collect();
    Ok(Json(json!({ "items": items })).into_response())
}

/// Its tag is that of the credential itself: another use changes nothing on which somebody would decide.
pub(super) async fn show(
    State(state): State<AdminState>,
    Path((client_id, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (consumer, uuid) = (found(&state, &client_id).await?, named::<Uuid>("credential", &id)?);
    let uses = state.app.registry.database().list_uses_of(&consumer.client_id).await?;
    let credential = consumer.credentials.iter().find(|held| held.id.0 == uuid);
    let credential = credential.ok_or_else(|| nothing("credential", &id))?;
    Ok(changed(shown(credential, &uses), &EntityTag::of(&credential.document())))
}

fn shown(credential: &Credential, uses: &[CredentialUse]) -> Value {
    let used = uses.iter().find(|used| used.credential == credential.id);
    let mut document = credential.document();
    document["last_used_at"] = json!(used.map(|used| used.last_used_at.to_string()));
    document
}

pub(super) async fn add(
    State(state): State<AdminState>,
    Path(client_id): Path<String>,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let client_id = named("consumer", &client_id)?;
    let submitted = Fields::of(&value).read(|fields| {
        fields.optional("reason", sentence);
        submitted::credential(fields, state.app.key_set_addresses)
    })?;
    let (new, secret) = new_credential(submitted);
    match add_credentials(state.app.registry.database(), &client_id, vec![new], act).await {
        Ok(added) => {
            let document = added.first().map(Credential::document).unwrap_or_default();
            Ok(answer(client_id.as_str(), &document, secret.as_ref().map(ClientSecret::expose)))
        }
        Err(refused) => {
            let done = earlier(&state.app, refused, &value).await?;
            Ok(replayed(answer(client_id.as_str(), &added_by(&done), None)))
        }
    }
}

/// The secret is in the answer that makes it, and in no other (R16).
fn answer(client_id: &str, credential: &Value, secret: Option<&str>) -> Response {
    let path = credential_path(client_id, credential);
    created(&path, json!({ "credential": credential, "client_secret": secret }), &EntityTag::of(credential))
}

pub(super) fn credential_path(client_id: &str, credential: &Value) -> String {
    format!("{}/credentials/{}", path_of(client_id), credential["id"].as_str().unwrap_or_default())
}

/// The credential that an earlier request has added.
pub(super) fn added_by(done: &[Earlier]) -> Value {
    let Some(Earlier { before, after, .. }) = done.first() else { return Value::Null };
    let ids = |consumer: &Value| -> Vec<Value> {
        consumer["credentials"].as_array().into_iter().flatten().map(|held| held["id"].clone()).collect()
    };
    let held = before.as_ref().map(ids).unwrap_or_default();
    let mut all = after["credentials"].as_array().into_iter().flatten();
    all.find(|credential| !held.contains(&credential["id"])).cloned().unwrap_or_default()
}

/// What is to be added, and the secret that was made for it.
pub(super) fn new_credential(submitted: SubmittedCredential) -> (NewCredential, Option<ClientSecret>) {
    let SubmittedCredential { kind, label, starts_at, ends_at } = submitted;
    let (kind, secret) = match kind {
        SubmittedKind::Public(kind) => (NewCredentialKind::Public(kind), None),
        SubmittedKind::ImportedSecret(secret) => (NewCredentialKind::Secret(secret), None),
        SubmittedKind::NewSecret => {
            let secret = ClientSecret::generate();
            (NewCredentialKind::Secret(secret.clone()), Some(secret))
        }
    };
    (NewCredential { kind, label, starts_at, ends_at }, secret)
}

pub(super) async fn change(
    State(state): State<AdminState>,
    Path((client_id, id)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    Submission { act, value }: Submission,
) -> Result<Response, Problem> {
    let (client_id, id) = (named("consumer", &client_id)?, CredentialId(named("credential", &id)?));
    let edit = |before: &Credential| edited(before, &value);
    let changed_now = change_credential(state.app.registry.database(), &client_id, id, &expected, edit, act).await;
    match changed_now {
        Ok(consumer) => {
            let credential = consumer.credentials.iter().find(|held| held.id == id);
            let document = credential.map(|held| held.document()).unwrap_or_default();
            let tag = EntityTag::of(&document);
            Ok(changed(document, &tag))
        }
        Err(refused) => {
            let done = earlier(&state.app, refused, &value).await?;
            let all = done.first().and_then(|first| first.after["credentials"].as_array());
            let own = all.into_iter().flatten().find(|held| held["id"] == json!(id.0));
            let document = own.cloned().unwrap_or_default();
            let tag = EntityTag::of(&document);
            Ok(replayed(changed(document, &tag)))
        }
    }
}

fn edited(before: &Credential, patch: &Value) -> Result<Credential, ChangeRefused> {
    let document = before.document();
    let editable = json!({ "label": document["label"], "ends_at": document["ends_at"] });
    let merged = patched(editable, patch);
    let read = Fields::of(&merged).read(|fields| {
        fields.optional("reason", sentence);
        let (label, ends_at) = (fields.required("label", parsed::<DisplayName>), fields.optional("ends_at", time));
        Some(Credential { label: label?.to_string(), ends_at, ..before.clone() })
    });
    read.map_err(ChangeRefused::Invalid)
}

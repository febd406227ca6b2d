//! `/admin/v1/revoked-tokens`: tokens that count no longer, though their time is not over.

use axum::{
    extract::{Path, State},
    response::Response,
};
use careconnect_verifier::ClientId;
use serde_json::Value;
use uuid::Uuid;

use super::{
    AdminState,
    edit::{reasoned, submitted},
    idempotency::Outcome,
    page::PageRequest,
    path::named,
    problem::Problem,
    query::Query,
    routes::Routes,
    submission::Submission,
};
use crate::{
    app::App,
    clock::UnixTime,
    domain::{
        Act, Fields, Registered, RevokedToken, Role,
        fields::{parsed, text},
    },
    operations::revoke_token::{revocation_of, revoke_token},
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .read("/revoked-tokens", &["client_id", "limit", "cursor"], list)
        .post("/revoked-tokens", Role::Editor, revoke)
        .post("/consumers/{client_id}/token-revocations", Role::Editor, revoke_all)
}

/// Those that somebody could still accept.
async fn list(State(state): State<AdminState>, query: Query) -> Result<Response, Problem> {
    let (client_id, now) = (query.get::<ClientId>("client_id")?, state.app.clock.now());
    let page = PageRequest::<String>::of(&query)?;
    let mut all = state.app.registry.database().list_revoked_tokens().await?;
    all.retain(|revoked| revoked.matters_at(now) && client_id.as_ref().is_none_or(|id| revoked.client_id == *id));
    all.sort_by_cached_key(Registered::identifier);
    Ok(page.of_items(all, Registered::identifier).answer(&query, Registered::document))
}

async fn revoke(State(state): State<AdminState>, submission: Submission) -> Result<Response, Problem> {
    let (act, value) = reasoned(submission);
    let revoked = submitted(&value, |fields| named_token(fields, &state.app, act.at))?;
    put(&state.app, revoked, act, &value).await
}

async fn revoke_all(
    State(state): State<AdminState>,
    Path(client_id): Path<String>,
    submission: Submission,
) -> Result<Response, Problem> {
    let (act, value) = reasoned(submission);
    submitted(&value, |_| Some(()))?;
    let revoked = RevokedToken::all(named("consumer", &client_id)?, act.at);
    put(&state.app, revoked, act, &value).await
}

async fn put(app: &App, revoked: RevokedToken, act: Act, submitted: &Value) -> Result<Response, Problem> {
    let revoked = revoke_token(app.registry.database(), revoked, act).await;
    let answer = Outcome::of(app, revoked, submitted).await?.changed();
    let _else_within_a_second = app.registry.catch_up(true).await;
    Ok(answer)
}

/// By itself, or by its id and its consumer.
fn named_token(fields: &mut Fields<'_>, app: &App, now: UnixTime) -> Option<RevokedToken> {
    if fields.has("token") {
        for name in ["client_id", "jti"] {
            fields.optional(name, |_: &Value| Err::<(), _>("the token says it: leave it out".to_owned()));
        }
        return fields.required("token", |value| by_itself(text(value)?, app, now));
    }
    fields.optional("token", text);
    let client_id: Option<ClientId> = fields.required("client_id", parsed);
    let token_id: Option<Uuid> = fields
        .required("jti", |value| text(value)?.parse().map_err(|_| "expected the jti of a token: a UUID".to_owned()));
    Some(RevokedToken::one(client_id?, token_id?, None, now))
}

fn by_itself(token: &str, app: &App, now: UnixTime) -> Result<RevokedToken, String> {
    let read = app.own_tokens.read(token, &app.keys.key_set(), app.issuer.as_str());
    read.and_then(|token| revocation_of(&token, now)).ok_or_else(|| {
        "expected a token that this server has signed and that has not ended; client_id and jti name one, too"
            .to_owned()
    })
}

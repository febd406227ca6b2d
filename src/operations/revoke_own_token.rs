//! A consumer takes back a token of its own (RFC 7009).

use std::time::Duration;

use super::{
    authenticate_consumer::{Caller, authenticate_consumer, count_budget_refusal, note_use},
    change_refused::ChangeRefused,
    note_refusal::note_refusal,
    revoke_token::{revocation_of, revoke_token},
};
use crate::{
    app::App,
    authentication::AuthenticatedConsumer,
    budget::Exhausted,
    clock::UnixTime,
    domain::{
        Act, Actor, FailedCheck, Reason, Refusal, RevokedToken, TokenQuery, Via, token_request::claimed_client_id,
    },
};

/// How long the caller waits for the database, at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers a revocation request, given as its `Authorization` header and its form body. When it succeeds the token counts no
/// longer on this node, and within a second on no other; what was no token, or none that counts, is none afterwards, too
/// (RFC 7009 §2.2).
pub async fn revoke_own_token(
    app: &App,
    authorization: Option<&[u8]>,
    body: &[u8],
    caller: &Caller<'_>,
) -> Result<(), Refusal> {
    let outcome = match TokenQuery::parse(authorization, body) {
        Ok(query) => answer(app, &query, caller).await.map_err(|refusal| (query.client_id, refusal)),
        Err(error) => Err((claimed_client_id(authorization, body), error.into())),
    };
    let name = match &outcome {
        Ok(true) => "revoked",
        Ok(false) => "nothing",
        Err(_) => "refused",
    };
    metrics::counter!("careconnect_revocations_total", "outcome" => name).increment(1);
    outcome.map(|_| ()).map_err(|(client_id, refusal)| {
        note_refusal("revocation refused", client_id.as_deref(), &refusal, caller);
        refusal
    })
}

/// Says whether there was anything to revoke.
async fn answer(app: &App, query: &TokenQuery, caller: &Caller<'_>) -> Result<bool, Refusal> {
    let now = app.clock.now(); // read once, passed down
    app.registry_is_fresh(now)?;
    let requester = authenticate_consumer(app, query.client_id.as_deref(), &query.credential, caller, now).await?;
    note_use(app, &requester, caller, now);
    let revoked = wanted(app, query, &requester, now)?;
    if let Some(revoked) = &revoked {
        let budget = app.rate_limits.take_revocation(requester.consumer(), now);
        budget.map_err(too_many)?;
        revoke(app, revoked.clone(), caller, now).await?;
    }
    tracing::info!(
        trace_id = %caller.trace_id,
        address = %caller.peer.address,
        client_id = %requester.consumer().client_id,
        method = requester.method().name(),
        token_id = revoked.as_ref().and_then(|revoked| revoked.token_id).map(tracing::field::display),
        "{}",
        if revoked.is_some() { "token revoked" } else { "nothing to revoke" }
    );
    Ok(revoked.is_some())
}

/// None for what does not count anyway (R48: only what is its own counts).
fn wanted(
    app: &App,
    query: &TokenQuery,
    requester: &AuthenticatedConsumer,
    now: UnixTime,
) -> Result<Option<RevokedToken>, Refusal> {
    let own = &requester.consumer().client_id;
    let Some(token) = app.own_tokens.read(&query.token, &app.keys.key_set(), app.issuer.as_str()) else {
        return Ok(None);
    };
    if token.client_id != *own {
        let received = format!("one of {}", token.client_id);
        let check = FailedCheck::new("token_of_another_consumer", format!("a token of {own}"), received);
        let sentence = "the token is another consumer's: only its own can a consumer revoke";
        return Err(Refusal::new(Reason::TokenOfAnotherConsumer, sentence).with_check(check));
    }
    let stands = app.registry.stands(own, token.token_id, token.issued_at);
    Ok(revocation_of(&token, now).filter(|_| stands))
}

async fn revoke(app: &App, revoked: RevokedToken, caller: &Caller<'_>, now: UnixTime) -> Result<(), Refusal> {
    let act = Act {
        actor: Actor { name: revoked.client_id.to_string(), via: Via::Consumer },
        at: now,
        reason: None,
        trace_id: Some(caller.trace_id),
        four_eyes: false,
        repeatable: None,
    };
    let work = async {
        revoke_token(app.registry.database(), revoked, act).await?;
        Ok::<_, ChangeRefused>(app.registry.catch_up(true).await?) // at once on this node
    };
    let outcome = tokio::time::timeout(PATIENCE, work).await;
    let failed = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(refused)) => refused.to_string(),
        Err(_elapsed) => format!("no answer within {PATIENCE:?}"),
    };
    let sentence = "the revocation cannot be recorded now: try again shortly, or let the token end";
    let check = FailedCheck::new("revocation_not_recorded", "an answer of the database in time", failed);
    Err(Refusal::new(Reason::RevocationNotRecorded, sentence).with_check(check))
}

fn too_many(Exhausted { retry_after }: Exhausted) -> Refusal {
    count_budget_refusal("consumer_revocations");
    let sentence = format!(
        "the consumer has revoked as many tokens as it may in an hour: try again in {retry_after} s; an administrator can \
         revoke all of them at once"
    );
    Refusal::new(Reason::TooManyRevocations, sentence).retry_after(retry_after)
}

//! Tells whether a token counts, and what it says (RFC 7662): to the consumer whose it is, and to the provider that it is for.
//! It asks no database.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    authenticate_consumer::{Caller, authenticate_consumer, note_use},
    note_refusal::note_refusal,
};
use crate::{
    app::App,
    authentication::peer::PeerConnection,
    clock::UnixTime,
    domain::{
        Audience, FailedCheck, PresentedCredential, ProviderSystem, Reason, Refusal, ServiceRoot, TokenQuery,
        revoked_token::LEEWAY, token_request::claimed_client_id,
    },
    own_tokens::OwnToken,
};

/// The `typ` of an answer that is signed (RFC 9701 §5), and its media type less `application/`.
pub const SIGNED_TYPE: &str = "token-introspection+jwt";

/// What is answered.
#[derive(Debug)]
pub struct Introspection {
    /// The members of RFC 7662 §2.2; exactly `{"active":false}` of what does not count for the caller (R47).
    pub answer: Value,
    /// The caller: a client id, or a service root.
    audience: String,
    at: UnixTime,
}

impl Introspection {
    /// The answer as a JWT (RFC 9701 §5).
    pub async fn signed(&self, app: &App) -> Result<String, Refusal> {
        let statement = json!({
            "iss": app.issuer.as_str(), "aud": self.audience, "iat": self.at.0, "token_introspection": self.answer,
        });
        app.keys.sign_statement(SIGNED_TYPE, &statement).await.map_err(|error| {
            let check = FailedCheck::new("signing_key_missing", "a key that signs", error.to_string());
            Refusal::new(Reason::SigningKeyMissing, "the answer cannot be signed now").with_check(check)
        })
    }
}

/// Who asks.
enum Asker {
    /// By whichever of its ways in.
    Consumer(String),
    /// By certificate, which several registrations may share: one that it proves, and all that have it.
    Provider(Arc<ProviderSystem>, Vec<Arc<ProviderSystem>>),
}

/// Answers an introspection request, given as its `Authorization` header and its form body.
pub async fn introspect_token(
    app: &App,
    authorization: Option<&[u8]>,
    body: &[u8],
    caller: &Caller<'_>,
) -> Result<Introspection, Refusal> {
    let outcome = match TokenQuery::parse(authorization, body) {
        Ok(query) => answer(app, &query, caller).await.map_err(|refusal| (query.client_id, refusal)),
        Err(error) => Err((claimed_client_id(authorization, body), error.into())),
    };
    let name = match &outcome {
        Ok(introspection) if introspection.answer["active"] == true => "active",
        Ok(_) => "inactive",
        Err(_) => "refused",
    };
    metrics::counter!("careconnect_introspections_total", "outcome" => name).increment(1);
    outcome.map_err(|(client_id, refusal)| {
        note_refusal("introspection refused", client_id.as_deref(), &refusal, caller);
        refusal
    })
}

async fn answer(app: &App, query: &TokenQuery, caller: &Caller<'_>) -> Result<Introspection, Refusal> {
    let now = app.clock.now(); // read once, passed down
    app.registry_is_fresh(now)?;
    let asker = match provider_of(app, query, caller, now) {
        Some(provider) => provider,
        None => {
            let client_id = query.client_id.as_deref();
            let requester = authenticate_consumer(app, client_id, &query.credential, caller, now).await?;
            note_use(app, &requester, caller, now);
            Asker::Consumer(requester.consumer().client_id.to_string())
        }
    };
    let token = app.own_tokens.read(&query.token, &app.keys.key_set(), app.issuer.as_str());
    let token = token.filter(|token| is_for(app, &asker, token, caller, now) && counts(app, token, now));
    let (audience, by) = match (asker, &token) {
        (Asker::Consumer(client_id), _) => (client_id, "consumer"),
        (Asker::Provider(..), Some(token)) => (token.audience.clone(), "provider"),
        (Asker::Provider(proven, _), None) => (proven.service_root.to_string(), "provider"),
    };
    tracing::info!(
        trace_id = %caller.trace_id,
        address = %caller.peer.address,
        caller = audience,
        by,
        active = token.is_some(),
        token_id = token.as_ref().map(|token| tracing::field::display(token.token_id)),
        "token introspected"
    );
    Ok(Introspection { answer: token.map_or_else(|| json!({ "active": false }), active), audience, at: now })
}

/// By its certificate alone; whoever names a `client_id` or proves itself otherwise comes as a consumer.
fn provider_of(app: &App, query: &TokenQuery, caller: &Caller<'_>, now: UnixTime) -> Option<Asker> {
    let (PresentedCredential::Certificate, None) = (&query.credential, &query.client_id) else { return None };
    let (proven, holders) = providers_of(app, caller.peer, now);
    Some(Asker::Provider(proven?, holders))
}

/// The provider that the certificate of a connection proves, and all that have it.
pub(super) fn providers_of(
    app: &App,
    peer: &PeerConnection,
    now: UnixTime,
) -> (Option<Arc<ProviderSystem>>, Vec<Arc<ProviderSystem>>) {
    let identities = peer.certificate.iter().flat_map(|shown| shown.identities());
    let holders: Vec<_> = identities.flat_map(|identity| app.registry.providers_with(identity)).collect();
    let proven = holders.iter().find(|provider| app.authenticator.is_provider(provider, peer, now)).cloned();
    (proven, holders)
}

/// May the caller know of it?
fn is_for(app: &App, asker: &Asker, token: &OwnToken, caller: &Caller<'_>, now: UnixTime) -> bool {
    match asker {
        Asker::Consumer(client_id) => token.client_id.as_str() == client_id,
        Asker::Provider(_, holders) => holders
            .iter()
            .filter(|provider| provider.service_root.as_str() == token.audience)
            .any(|provider| app.authenticator.is_provider(provider, caller.peer, now)),
    }
}

/// Is its time not over, and do its consumer and its provider stand?
fn counts(app: &App, token: &OwnToken, now: UnixTime) -> bool {
    let root = ServiceRoot::parse(&token.audience).ok().map(Audience::ServiceRoot);
    let provider = root.and_then(|root| app.registry.provider(&root));
    now < token.expires_at
        && token.issued_at <= now.plus(LEEWAY) // by a node whose clock is ahead
        && provider.is_some_and(|provider| provider.is_active())
        && app.registry.stands(&token.client_id, token.token_id, token.issued_at)
}

fn active(token: OwnToken) -> Value {
    let mut members = Map::from_iter([("active".to_owned(), true.into()), ("token_type".to_owned(), "Bearer".into())]);
    members.extend(token.claims.into_iter().filter(|(name, _)| name != "active"));
    Value::Object(members)
}

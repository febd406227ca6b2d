//! The heart: a request becomes a token, or a refusal that says why.

use std::{sync::Arc, time::Instant};

use uuid::Uuid;

use super::{
    authenticate_consumer::{Caller, authenticate_consumer, note_use},
    record_outcome::{Claimed, record_issue, record_refusal},
};
use crate::{
    app::App,
    authentication::AuthenticatedConsumer,
    authorisation::{GrantedAccess, Rules, authorise},
    clock::UnixTime,
    domain::{
        Audience, FailedCheck, ProviderSystem, Reason, Refusal, TokenRequest, TokenRequestError,
        token_request::claimed_client_id,
    },
    random,
    signing::SignedToken,
};

/// A token with what the answer says about it.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: SignedToken,
    /// Seconds that it lives from now.
    pub expires_in: i64,
    /// What was granted, space-separated (RFC 6749 §5.1).
    pub scope: String,
}

/// Answers a token request, given as its `Authorization` header and its form body. Every outcome is one line in the
/// record, one event in the log and one count in the metrics.
pub async fn issue_token(
    app: &App,
    authorization: Option<&[u8]>,
    body: &[u8],
    caller: &Caller<'_>,
) -> Result<IssuedToken, Refusal> {
    let start = Instant::now();
    let outcome = match TokenRequest::parse(authorization, body) {
        Ok(request) => answer(app, &request, caller).await.map_err(|refusal| (claimed_by(request), refusal)),
        Err(error) => {
            let client_id = claimed_client_id(authorization, body);
            Err((Claimed { client_id, audience: None }, error.into()))
        }
    };
    if let Err((claimed, refusal)) = &outcome {
        record_refusal(app, claimed, refusal, caller).await;
    }
    metrics::histogram!("careconnect_token_request_duration_seconds").record(start.elapsed().as_secs_f64());
    outcome.map_err(|(_, refusal)| refusal)
}

fn claimed_by(request: TokenRequest) -> Claimed {
    Claimed { client_id: request.client_id, audience: request.audiences.first().map(ToString::to_string) }
}

async fn answer(app: &App, request: &TokenRequest, caller: &Caller<'_>) -> Result<IssuedToken, Refusal> {
    let now = app.clock.now(); // read once, passed down
    app.registry_is_fresh(now)?;
    let (client_id, credential) = (request.client_id.as_deref(), &request.credential);
    let requester = authenticate_consumer(app, client_id, credential, caller, now).await?;
    let provider = find_provider(app, &request.audiences)?;
    let (groups, policies) = (app.registry.groups(), app.registry.certificate_policies());
    let assured = app.registry.assured(requester.consumer());
    let rules = Rules { groups: &groups, policies: &policies, assured: &assured, now };
    let access = authorise(&requester, &provider, &request.access, &rules)?;
    let token_id = random::uuid();
    let token = sign(app, &requester, &provider, &access, token_id, now).await?;
    note_use(app, &requester, caller, now);
    record_issue(app, &requester, &provider, &access, token_id, caller, now).await?;
    Ok(IssuedToken { token, expires_in: access.lifetime(), scope: access.scope().to_owned() })
}

/// The one provider that all the names mean (R5).
fn find_provider(app: &App, audiences: &[Audience]) -> Result<Arc<ProviderSystem>, Refusal> {
    let mut found: Option<Arc<ProviderSystem>> = None;
    for audience in audiences {
        let provider = app.registry.provider(audience).ok_or_else(|| {
            let check = FailedCheck::new("audience_unregistered", "a registered provider", audience.to_string());
            Refusal::new(Reason::AudienceUnregistered, format!("no provider is registered as \"{audience}\""))
                .with_check(check)
        })?;
        if !provider.is_active() {
            let sentence = format!("the provider \"{audience}\" takes no tokens at present");
            let received = format!("{}, {}", provider.asid, provider.status);
            let check = FailedCheck::new("audience_suspended", "a provider that takes tokens", received);
            return Err(Refusal::new(Reason::AudienceSuspended, sentence).with_check(check));
        }
        let before = found.replace(provider.clone());
        if let Some(other) = before.filter(|other| other.asid != provider.asid) {
            let sentence = "the request names more than one provider: a token is for one";
            let received = format!("{} and {}", other.service_root, provider.service_root);
            let check = FailedCheck::new("audiences_differ", "one provider", received);
            return Err(Refusal::new(Reason::AudiencesDiffer, sentence).with_check(check));
        }
    }
    found.ok_or_else(|| TokenRequestError::AudienceMissing.into())
}

async fn sign(
    app: &App,
    requester: &AuthenticatedConsumer,
    provider: &ProviderSystem,
    access: &GrantedAccess,
    token_id: Uuid,
    now: UnixTime,
) -> Result<SignedToken, Refusal> {
    let claims = access.claims(app.issuer.as_str(), token_id, now);
    let signed = app.sign(requester, provider, &claims, now).await;
    signed.map_err(|error| {
        let sentence = format!("tokens for this provider cannot be signed with {} now", provider.signing_algorithm);
        let expected = format!("a key that signs with {}", provider.signing_algorithm);
        let check = FailedCheck::new("signing_key_missing", expected, error.to_string());
        Refusal::new(Reason::SigningKeyMissing, sentence).with_check(check)
    })
}

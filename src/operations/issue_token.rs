//! The heart: a request becomes a token, or a refusal that says why.

use std::{sync::Arc, time::Instant};

use uuid::Uuid;

use super::record_outcome::{Claimed, record_issue, record_refusal};
use crate::{
    app::App,
    authentication::{
        AuthenticatedConsumer, AuthenticationFailure, Method, client_assertion::AssertionUse,
        client_certificate::prove, peer::PeerConnection,
    },
    authorisation::{GrantedAccess, Rules, authorise},
    budget::Exhausted,
    clock::UnixTime,
    domain::{
        Audience, ConsumerSystem, FailedCheck, PresentedCredential, ProviderSystem, Reason, Refusal, TokenRequest,
        TokenRequestError, token_request::claimed_client_id,
    },
    random,
    replay::ReplayRefused,
    signing::SignedToken,
    storage::CredentialUse,
};

/// Who is at the other end, and under which number this request is in the log.
#[derive(Debug)]
pub struct Caller<'a> {
    /// The connection.
    pub peer: &'a PeerConnection,
    /// The number that answer and log share.
    pub trace_id: Uuid,
}

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
    let registered = find_consumer(app, request, caller.peer, now)?;
    let requester =
        app.authenticator.authenticate(request, registered, caller.peer, now).await.map_err(not_authenticated)?;
    if let Some(assertion_use) = requester.assertion_use() {
        record_assertion(app, assertion_use).await?;
    }
    app.rate_limits.take(requester.consumer(), now).map_err(too_many_requests)?;
    let provider = find_provider(app, &request.audiences)?;
    let (groups, policies) = (app.registry.groups(), app.registry.certificate_policies());
    let assured = app.registry.assured(requester.consumer());
    let rules = Rules { groups: &groups, policies: &policies, assured: &assured, now };
    let access = authorise(&requester, &provider, &request.access, &rules)?;
    let token_id = random::uuid();
    let token = sign(app, &requester, &provider, &access, token_id, now).await?;
    let shown = caller.peer.certificate.as_ref().filter(|_| matches!(requester.method(), Method::Certificate(_)));
    app.uses.note(CredentialUse {
        credential: requester.credential(),
        last_used_at: now,
        certificate_ends_at: shown.map(|certificate| certificate.not_after()),
    });
    record_issue(app, &requester, &provider, &access, token_id, caller, now).await?;
    Ok(IssuedToken { token, expires_in: access.lifetime(), scope: access.scope().to_owned() })
}

/// By `client_id`; without one, by a certificate that only one registration may use now.
fn find_consumer(
    app: &App,
    request: &TokenRequest,
    peer: &PeerConnection,
    now: UnixTime,
) -> Result<Option<Arc<ConsumerSystem>>, Refusal> {
    if let Some(client_id) = &request.client_id {
        return Ok(app.registry.consumer(client_id));
    }
    let (PresentedCredential::Certificate, Some(certificate)) = (&request.credential, &peer.certificate) else {
        return Ok(None);
    };
    let identities = certificate.identities();
    let mut owners: Vec<_> = identities.iter().flat_map(|identity| app.registry.consumers_with(identity)).collect();
    owners.sort_by(|one, other| one.client_id.cmp(&other.client_id));
    owners.dedup_by(|one, other| one.client_id == other.client_id);
    let trust = app.authenticator.trust.load();
    let may_use_it = |owner: &&Arc<ConsumerSystem>| {
        owner.is_active() && prove(certificate, owner.certificates_at(now), &trust, now).is_ok()
    };
    let mut users = owners.iter().filter(may_use_it);
    match (users.next(), users.next()) {
        (Some(one), Some(other)) => {
            let sentence = "the certificate belongs to more than one registration: send client_id";
            let received = format!("a certificate of {} and {}, and no client_id", one.client_id, other.client_id);
            let check = FailedCheck::new("client_id_needed", "a client_id", received);
            Err(Refusal::new(Reason::ClientIdNeeded, sentence).with_check(check))
        }
        (Some(only), None) => Ok(Some(only.clone())),
        (None, _) => Ok(owners.first().cloned()), // authentication says what keeps it from being used
    }
}

/// One sentence for every failure of authentication, whatever it was (R13); an assertion's refusal tells by itself no
/// more than a stranger may know.
pub fn not_authenticated(failure: AuthenticationFailure) -> Refusal {
    match &failure {
        AuthenticationFailure::TooManyWaiting(_) => {
            return Refusal::new(Reason::Overloaded, "the server is busy: try again shortly");
        }
        AuthenticationFailure::TooManyFailures(too_many) => {
            count_budget_refusal(too_many.budget);
            let retry_after = too_many.retry_after;
            let sentence = format!(
                "too many attempts from this address have failed, so this one was not looked at: mend the credential, and \
                 try again in {retry_after} s"
            );
            let refusal = Refusal::new(Reason::TooManyFailures, sentence).with_detail(too_many);
            return refusal.with_check(too_many.check()).retry_after(retry_after);
        }
        AuthenticationFailure::Assertion(refused)
        | AuthenticationFailure::AssertionOfUnknownConsumer { refusal: refused, .. }
        | AuthenticationFailure::KeySetMissing { refusal: refused, .. } => {
            let check = failure.check();
            let detail = format!("expected {}, received {}", check.expected, check.received);
            return Refusal::new(refused.reason(), refused.to_string()).with_detail(detail).with_check(check);
        }
        _ => {}
    }
    let sentence = "the consumer could not be authenticated: check client_id, and that the secret or certificate is \
                    one that is registered for it and in date";
    Refusal::new(Reason::ClientAuthenticationFailed, sentence).with_check(failure.check()).with_detail(failure)
}

/// R21, R56: an assertion counts once, and only if that can be written down.
async fn record_assertion(app: &App, once: AssertionUse) -> Result<(), Refusal> {
    app.replay.record(once.id, once.expires_at).await.map_err(not_recorded)
}

/// What the caller is told of an assertion that is right, and does not count.
pub fn not_recorded(refused: ReplayRefused) -> Refusal {
    let (reason, sentence, expected) = match refused {
        ReplayRefused::Replayed => (
            Reason::AssertionReplayed,
            "non-unique 'jti' claim in the JWT: every request needs a new JWT, with a 'jti' of its own",
            "a 'jti' that this client has not used",
        ),
        ReplayRefused::Unavailable => (
            Reason::AssertionStoreUnavailable,
            "whether the JWT was used before cannot be told now: try again shortly, with a new JWT",
            "an answer of the database in time",
        ),
    };
    let check = FailedCheck::new(reason.name(), expected, refused.to_string());
    Refusal::new(reason, sentence).with_check(check).with_detail(refused)
}

fn too_many_requests(Exhausted { retry_after }: Exhausted) -> Refusal {
    count_budget_refusal("consumer_rate");
    let sentence = format!(
        "the consumer has made as many requests as it may in a minute: try again in {retry_after} s, and keep each token \
         until it ends"
    );
    Refusal::new(Reason::RateLimited, sentence).retry_after(retry_after)
}

fn count_budget_refusal(budget: &'static str) {
    metrics::counter!("careconnect_budget_refusals_total", "budget" => budget).increment(1);
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

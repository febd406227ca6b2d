//! The heart: a request becomes a token, or a refusal that says why.

use std::{sync::Arc, time::Instant};

use careconnect_verifier::Group;
use uuid::Uuid;

use crate::{
    app::App,
    authentication::{AuthenticatedConsumer, AuthenticationFailure, authenticate, peer::PeerConnection},
    authorisation::{GrantedAccess, authorise},
    clock::UnixTime,
    domain::{
        Audience, ConsumerSystem, PresentedCredential, ProviderSystem, Reason, Refusal, TokenRequest,
        TokenRequestError, token_request::claimed_client_id,
    },
    random,
    signing::SignedToken,
    telemetry::legible,
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

/// Answers a token request, given as its `Authorization` header and its form body. Every outcome is one event in the
/// log and one count in the metrics.
pub async fn issue_token(
    app: &App,
    authorization: Option<&[u8]>,
    body: &[u8],
    caller: &Caller<'_>,
) -> Result<IssuedToken, Refusal> {
    let start = Instant::now();
    let outcome = match TokenRequest::parse(authorization, body) {
        Ok(request) => answer(app, &request, caller).await.map_err(|refusal| (request.client_id, refusal)),
        Err(error) => Err((claimed_client_id(authorization, body), error.into())),
    };
    metrics::histogram!("careconnect_token_request_duration_seconds").record(start.elapsed().as_secs_f64());
    outcome.map_err(|(client_id, refusal)| {
        record_refusal(client_id.as_deref(), &refusal, caller);
        refusal
    })
}

async fn answer(app: &App, request: &TokenRequest, caller: &Caller<'_>) -> Result<IssuedToken, Refusal> {
    let now = app.clock.now(); // read once, passed down
    app.registry_is_fresh(now)?;
    let registered = find_consumer(app, request, caller.peer, now)?;
    let requester =
        authenticate(request, registered, caller.peer, &app.secrets, &app.trust.load(), now).await.map_err(refusal)?;
    let provider = find_provider(app, &request.audiences)?;
    let access = authorise(&requester, &provider, &request.access, &app.registry.groups())?;
    let token_id = random::uuid();
    let token = sign(app, &requester, &provider, &access, token_id, now)?;
    record_issue(&requester, &provider, &access, token_id, caller);
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
    let may_use_it = |owner: &&Arc<ConsumerSystem>| {
        owner.is_active() && owner.certificates_at(now).any(|(_, held)| identities.contains(&held.identity))
    };
    let mut users = owners.iter().filter(may_use_it);
    match (users.next(), users.next()) {
        (Some(_), Some(_)) => Err(Refusal::new(
            Reason::ClientIdNeeded,
            "the certificate belongs to more than one registration: send client_id",
        )),
        (Some(only), None) => Ok(Some(only.clone())),
        (None, _) => Ok(owners.first().cloned()), // authentication says what keeps it from being used
    }
}

/// One sentence for every failure of authentication, whatever it was (R13).
fn refusal(failure: AuthenticationFailure) -> Refusal {
    if let AuthenticationFailure::TooManyWaiting(_) = failure {
        return Refusal::new(Reason::Overloaded, "the server is busy: try again shortly");
    }
    let sentence = "the consumer could not be authenticated: check client_id, and that the secret or certificate is \
                    one that is registered for it and in date";
    Refusal::new(Reason::ClientAuthenticationFailed, sentence).with_detail(failure)
}

/// The one provider that all the names mean (R5).
fn find_provider(app: &App, audiences: &[Audience]) -> Result<Arc<ProviderSystem>, Refusal> {
    let mut found: Option<Arc<ProviderSystem>> = None;
    for audience in audiences {
        let provider = app.registry.provider(audience).ok_or_else(|| {
            Refusal::new(Reason::AudienceUnregistered, format!("no provider is registered as \"{audience}\""))
        })?;
        if !provider.is_active() {
            let sentence = format!("the provider \"{audience}\" takes no tokens at present");
            return Err(Refusal::new(Reason::AudienceSuspended, sentence));
        }
        if found.replace(provider.clone()).is_some_and(|other| other.asid != provider.asid) {
            let sentence = "the request names more than one provider: a token is for one";
            return Err(Refusal::new(Reason::AudiencesDiffer, sentence));
        }
    }
    found.ok_or_else(|| TokenRequestError::AudienceMissing.into())
}

fn sign(
    app: &App,
    requester: &AuthenticatedConsumer,
    provider: &ProviderSystem,
    access: &GrantedAccess,
    token_id: Uuid,
    now: UnixTime,
) -> Result<SignedToken, Refusal> {
    let claims = access.claims(app.issuer.as_str(), token_id, now);
    let signed = app.sign(requester, provider, &claims);
    signed.map_err(|error| {
        let sentence = format!("tokens for this provider cannot be signed with {} now", provider.signing_algorithm);
        Refusal::new(Reason::SigningKeyMissing, sentence).with_detail(error)
    })
}

fn record_issue(
    requester: &AuthenticatedConsumer,
    provider: &ProviderSystem,
    access: &GrantedAccess,
    token_id: Uuid,
    caller: &Caller<'_>,
) {
    let consumer = requester.consumer();
    metrics::counter!("careconnect_tokens_issued_total", "method" => requester.method().name(),
        "alg" => provider.signing_algorithm.name())
    .increment(1);
    tracing::info!(
        trace_id = %caller.trace_id,
        address = %caller.peer.address,
        client_id = %consumer.client_id,
        asid = %consumer.asid,
        ods_code = %consumer.organisation.ods_code,
        method = requester.method().name(),
        certificate = requester.certificate().map(tracing::field::display),
        audience = %provider.service_root,
        groups = access.groups().iter().map(Group::as_str).collect::<Vec<_>>().join(" "),
        token_id = %token_id,
        "token issued"
    );
}

/// Writes a refusal into the log and the metrics; also one of a request that was not even read.
pub fn record_refusal(client_id: Option<&str>, refusal: &Refusal, caller: &Caller<'_>) {
    metrics::counter!("careconnect_tokens_refused_total", "reason" => refusal.reason.name()).increment(1);
    tracing::info!(
        trace_id = %caller.trace_id,
        address = %caller.peer.address,
        certificate = caller.peer.certificate.as_ref().map(|shown| tracing::field::display(shown.thumbprint())),
        client_id = client_id.map(truncated),
        reason = refusal.reason.name(),
        description = legible(&refusal.description),
        detail = refusal.detail.as_deref().map(legible),
        "token refused"
    );
}

fn truncated(text: &str) -> String {
    legible(&text.chars().take(64).collect::<String>())
}

//! Who sends a request: the consumer that it names, or whose certificate it comes with, proven by its one credential.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    app::App,
    authentication::{
        AuthenticatedConsumer, AuthenticationFailure, Method, client_assertion::AssertionUse,
        client_certificate::prove, peer::PeerConnection,
    },
    budget::Exhausted,
    clock::UnixTime,
    domain::{ConsumerSystem, FailedCheck, PresentedCredential, Reason, Refusal},
    replay::ReplayRefused,
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

/// Finds the consumer that a request is from, has it prove itself, puts down the use of its assertion, and counts the
/// request. It is the same for every endpoint, and so are the budgets.
pub(super) async fn authenticate_consumer(
    app: &App,
    client_id: Option<&str>,
    credential: &PresentedCredential,
    caller: &Caller<'_>,
    now: UnixTime,
) -> Result<AuthenticatedConsumer, Refusal> {
    let registered = find_consumer(app, (client_id, credential), caller.peer, now)?;
    let proven = app.authenticator.authenticate(client_id, credential, registered, caller.peer, now).await;
    let requester = proven.map_err(not_authenticated)?;
    if let Some(assertion_use) = requester.assertion_use() {
        record_assertion(app, assertion_use).await?;
    }
    app.rate_limits.take(requester.consumer(), now).map_err(too_many_requests)?;
    Ok(requester)
}

/// Remembers that a credential was of use.
pub(super) fn note_use(app: &App, requester: &AuthenticatedConsumer, caller: &Caller<'_>, now: UnixTime) {
    let shown = caller.peer.certificate.as_ref().filter(|_| matches!(requester.method(), Method::Certificate(_)));
    app.uses.note(CredentialUse {
        credential: requester.credential(),
        last_used_at: now,
        certificate_ends_at: shown.map(|certificate| certificate.not_after()),
    });
}

/// By `client_id`; without one, by a certificate that only one registration may use now.
fn find_consumer(
    app: &App,
    (client_id, credential): (Option<&str>, &PresentedCredential),
    peer: &PeerConnection,
    now: UnixTime,
) -> Result<Option<Arc<ConsumerSystem>>, Refusal> {
    if let Some(client_id) = client_id {
        return Ok(app.registry.consumer(client_id));
    }
    let (PresentedCredential::Certificate, Some(certificate)) = (credential, &peer.certificate) else {
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

pub(super) fn count_budget_refusal(budget: &'static str) {
    metrics::counter!("careconnect_budget_refusals_total", "budget" => budget).increment(1);
}

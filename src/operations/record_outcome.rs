//! What was answered to a token request: into the record, the log and the metrics.

use careconnect_verifier::Group;
use uuid::Uuid;

use super::{
    authenticate_consumer::Caller,
    note_refusal::{note_refusal, truncated},
};
use crate::{
    app::App,
    authentication::AuthenticatedConsumer,
    authorisation::GrantedAccess,
    clock::UnixTime,
    domain::{FailedCheck, ProviderSystem, Reason, Refusal},
    record::{Entry, NotRecorded, Outcome},
    telemetry::legible,
};

/// Records a token that is about to leave. Where that fails it must not leave (R56).
pub(super) async fn record_issue(
    app: &App,
    requester: &AuthenticatedConsumer,
    provider: &ProviderSystem,
    access: &GrantedAccess,
    token_id: Uuid,
    caller: &Caller<'_>,
    now: UnixTime,
) -> Result<(), Refusal> {
    let consumer = requester.consumer();
    let entry = Entry {
        time: now,
        trace_id: caller.trace_id,
        address: caller.peer.address,
        client_id: Some(consumer.client_id.to_string()),
        certificate: requester.certificate().map(|thumbprint| thumbprint.to_string()),
        audience: Some(provider.service_root.to_string()),
        outcome: Outcome::Issued {
            asid: consumer.asid.to_string(),
            ods_code: consumer.organisation.ods_code.to_string(),
            method: requester.method().name().to_owned(),
            credential: requester.credential().0,
            groups: access.groups().iter().map(Group::to_string).collect(),
            token_id,
            expires_at: now.plus(access.lifetime()),
        },
    };
    app.record.write(&entry).await.map_err(unrecorded)?;
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
    Ok(())
}

fn unrecorded(error: NotRecorded) -> Refusal {
    let check = FailedCheck::new("record_unavailable", "a line in the issuance record", error.to_string());
    Refusal::new(Reason::RecordUnavailable, "the server cannot record what it issues: try again shortly")
        .with_check(check)
}

/// What a request that was refused had said of itself, as far as it was read.
#[derive(Debug, Default)]
pub struct Claimed {
    /// The `client_id`.
    pub client_id: Option<String>,
    /// The provider.
    pub audience: Option<String>,
}

/// Records a refusal; also one of a request that was not even read. A refusal that cannot be recorded is still a refusal.
pub async fn record_refusal(app: &App, claimed: &Claimed, refusal: &Refusal, caller: &Caller<'_>) {
    let client_id = claimed.client_id.as_deref().map(truncated);
    let certificate = caller.peer.certificate.as_ref().map(|shown| shown.thumbprint().to_string());
    metrics::counter!("careconnect_tokens_refused_total", "reason" => refusal.reason.name()).increment(1);
    note_refusal("token refused", claimed.client_id.as_deref(), refusal, caller);
    let entry = Entry {
        time: app.clock.now(),
        trace_id: caller.trace_id,
        address: caller.peer.address,
        client_id,
        certificate,
        audience: claimed.audience.as_deref().map(legible),
        outcome: refusal.into(),
    };
    let _counted = app.record.write(&entry).await;
}

//! Why a request for a token, or about one, was refused, for the log.

use super::authenticate_consumer::Caller;
use crate::{domain::Refusal, telemetry::legible};

/// Writes one event; `claimed` is who the caller said it was.
pub(super) fn note_refusal(event: &str, claimed: Option<&str>, refusal: &Refusal, caller: &Caller<'_>) {
    let check = refusal.check.as_ref();
    tracing::info!(
        trace_id = %caller.trace_id,
        address = %caller.peer.address,
        certificate = caller.peer.certificate.as_ref().map(|shown| tracing::field::display(shown.thumbprint())),
        client_id = claimed.map(truncated),
        reason = refusal.reason.name(),
        description = legible(&refusal.description),
        detail = refusal.detail.as_deref().map(legible),
        check = check.map(|check| check.check),
        expected = check.map(|check| legible(&check.expected)),
        received = check.map(|check| legible(&check.received)),
        "{event}"
    );
}

pub(super) fn truncated(text: &str) -> String {
    legible(&text.chars().take(64).collect::<String>())
}

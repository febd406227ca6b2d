//! Warns of what ends soon: in the log and in the metrics.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::listeners::Listeners;
use crate::{
    app::App,
    blocking::blocking,
    clock::UnixTime,
    expiries::{self, Expiry, KINDS, of_consumers, of_key_sets},
    storage::CredentialUse,
    telemetry::legible,
};

const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// Lines in the log for one look; the metric counts them all.
const MOST_LINES: usize = 50;

/// Looks at once, every hour, and whenever the files of a listener are read anew, until `stop`.
pub(super) async fn warn_of_expiries(app: Arc<App>, listeners: Arc<Listeners>, stop: CancellationToken) {
    loop {
        let now = app.clock.now();
        let uses = stop.run_until_cancelled(app.registry.database().list_uses()).await;
        let uses = uses.and_then(Result::ok).unwrap_or_default(); // without them, less is known
        let (parts, tls) = (app.clone(), listeners.clone());
        report(&blocking(move || all(&parts, &tls, &uses, now)).await, now);
        tokio::select! {
            () = stop.cancelled() => return,
            () = listeners.reloaded.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn all(app: &App, listeners: &Listeners, uses: &[CredentialUse], now: UnixTime) -> Vec<Expiry> {
    let mut expiries = listeners.expiries();
    expiries.extend(of_key_sets(&app.authenticator.key_sets, now));
    expiries.extend(of_consumers(&app.registry.consumers(), uses, now));
    expiries::sort(&mut expiries);
    expiries
}

fn report(expiries: &[Expiry], now: UnixTime) {
    for kind in KINDS {
        let count = expiries.iter().filter(|expiry| expiry.kind == kind).count();
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        metrics::gauge!("careconnect_expiring_soon", "kind" => kind).set(count);
    }
    for expiry in expiries.iter().take(MOST_LINES) {
        let (kind, ends_at, name, repair) = (expiry.kind, expiry.ends_at, legible(&expiry.name), expiry.repair());
        if expiry.is_over(now) {
            tracing::warn!(event = "has_ended", kind, name, %ends_at, repair);
        } else {
            tracing::warn!(event = "ends_soon", kind, name, %ends_at, repair);
        }
    }
}

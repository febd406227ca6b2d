//! Follows the files of TLS listeners: certificates are renewed without a restart.

use std::{sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::spawn_blocking,
};
use tokio_util::sync::CancellationToken;

use super::tls::ReloadableTls;

/// Reloads on SIGHUP, and when a look at the files, `every` so often, finds that one has changed. Ends with `stop`.
///
/// Contents are compared, not dates, so a mount whose symbolic link is swapped counts as a change. A failure keeps the
/// old set-up and is tried again when the files change once more.
pub async fn follow_files(tls: Arc<ReloadableTls>, every: Duration, stop: CancellationToken) {
    let mut hang_up = signal(SignalKind::hangup())
        .inspect_err(
            |error| tracing::warn!(event = "sighup_unavailable", %error, "certificates follow their files only"),
        )
        .ok();
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            () = received(&mut hang_up) => true,
            () = tokio::time::sleep(every) => false,
        };
        let tls = Arc::clone(&tls);
        // The outcome, and the reason of a failure, are logged where they are found.
        let _logged =
            spawn_blocking(move || if asked { tls.reload().map(|()| true) } else { tls.reload_if_changed() }).await;
    }
}

async fn received(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

//! Follows the files of TLS listeners: certificates are renewed without a restart.

use std::{sync::Arc, time::Duration};

use tokio::{signal::unix::Signal, sync::Notify};
use tokio_util::sync::CancellationToken;

use super::tls::ReloadableTls;
use crate::blocking::blocking;

/// Reloads at a `hang_up`, and when a look at the files, `every` so often, finds that one has changed; then tells `reloaded`.
/// Ends with `stop`.
///
/// Contents are compared, not dates, so a mount whose symbolic link is swapped counts as a change. A failure keeps the
/// old set-up and is tried again when the files change once more.
pub async fn follow_files(
    listeners: Vec<Arc<ReloadableTls>>,
    reloaded: Arc<Notify>,
    mut hang_up: Signal,
    every: Duration,
    stop: CancellationToken,
) {
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = hang_up.recv() => true,
            () = tokio::time::sleep(every) => false,
        };
        // The outcome, and the reason of a failure, are logged where they are found.
        let reload = move |tls: &Arc<ReloadableTls>| match asked {
            true => tls.reload().is_ok(),
            false => matches!(tls.reload_if_changed(), Ok(true)),
        };
        let listeners = listeners.clone();
        let look = blocking(move || listeners.iter().filter(|tls| reload(tls)).count() > 0);
        // A file may take for ever to read.
        if stop.run_until_cancelled(look).await == Some(true) {
            reloaded.notify_one();
        }
    }
}

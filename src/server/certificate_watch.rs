//! Follows the files of TLS listeners: certificates are renewed without a restart.

use std::{sync::Arc, time::Duration};

use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use super::tls::ReloadableTls;
use crate::blocking::blocking;

/// Reloads at a `hang_up`, and when a look at the files, `every` so often, finds that one has changed. Ends with `stop`.
///
/// Contents are compared, not dates, so a mount whose symbolic link is swapped counts as a change. A failure keeps the
/// old set-up and is tried again when the files change once more.
pub async fn follow_files(tls: Arc<ReloadableTls>, mut hang_up: Signal, every: Duration, stop: CancellationToken) {
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            _ = hang_up.recv() => true,
            () = tokio::time::sleep(every) => false,
        };
        let tls = Arc::clone(&tls);
        let look = blocking(move || if asked { tls.reload().map(|()| true) } else { tls.reload_if_changed() });
        // The outcome, and the reason of a failure, are logged where they are found. A file may take for ever to read.
        let _logged = stop.run_until_cancelled(look).await;
    }
}

//! Forgets, in the database, revoked tokens that nobody could accept any more.

use std::{sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Registry;

/// How often.
const EVERY: Duration = Duration::from_secs(600);

impl Registry {
    /// Prunes every ten minutes until `stop`; after an outage of the database, the next time does it.
    pub async fn prune(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut worked = true;
        let work = async {
            loop {
                ticks.tick().await;
                let outcome = self.database.prune_revoked_tokens(self.clock.now()).await;
                if let (true, Err(error)) = (worked, &outcome) {
                    tracing::warn!(%error, "revoked tokens that have ended cannot be deleted");
                }
                worked = outcome.is_ok();
            }
        };
        stop.run_until_cancelled(work).await;
    }
}

//! Writes down which providers have fetched the key set, and tells in the metrics how many know the next keys.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    domain::{KnownTo, key_schedule::next},
    storage::StorageError,
};

const WRITE_EVERY: Duration = Duration::from_secs(5);

/// Every few seconds, until `stop`.
pub(super) async fn follow_fetches(app: Arc<App>, stop: CancellationToken) {
    let mut reached = true;
    while stop.run_until_cancelled(tokio::time::sleep(WRITE_EVERY)).await.is_some() {
        match write_and_tell(&app).await {
            Ok(()) => reached = true,
            Err(error) if reached => {
                reached = false;
                tracing::warn!(%error, "who has fetched the key set cannot be written down; it is kept in memory");
            }
            Err(_) => {}
        }
    }
}

async fn write_and_tell(app: &App) -> Result<(), StorageError> {
    let database = app.registry.database();
    app.key_set_fetches.write_once(database).await?;
    let (keys, now) = (app.registry.signing_keys(), app.clock.now());
    let nexts: Vec<_> =
        app.keys.algorithms().into_iter().map(|algorithm| (algorithm, next(&keys, algorithm, now))).collect();
    let is_any = nexts.iter().any(|(_, next)| next.is_some());
    let (providers, fetches) = match is_any {
        true => (app.registry.providers(), database.list_key_set_fetches().await?),
        false => Default::default(),
    };
    for (algorithm, next) in nexts {
        let known = next.map(|key| KnownTo::of(key, providers.iter().map(AsRef::as_ref), &fetches));
        let (known, waiting) = known.map_or((0, 0), |known| (known.known, known.providers - known.known));
        for (name, count) in [("known", known), ("waiting", waiting)] {
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            let algorithm = algorithm.name();
            metrics::gauge!("careconnect_next_key_providers", "algorithm" => algorithm, "state" => name).set(count);
        }
    }
    Ok(())
}

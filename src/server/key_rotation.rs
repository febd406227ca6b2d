//! Carries out the schedule of the signing keys, and takes over what any node has made of them.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    blocking::blocking,
    operations::{
        change_keys::KeyWork,
        tend_keys::{is_due, tend_keys},
    },
};

/// How often the dates in memory are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long after a failure.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Signs with the keys that the register has, until `stop`.
pub(super) async fn follow_keys(app: Arc<App>, stop: CancellationToken) {
    let mut revisions = app.registry.revisions();
    loop {
        let (keys, records) = (app.keys.clone(), app.registry.signing_keys());
        blocking(move || keys.follow(records)).await;
        match stop.run_until_cancelled(revisions.changed()).await {
            Some(Ok(())) => {}
            _ => return,
        }
    }
}

/// Does what is due, whenever something is, until `stop`. Any number of nodes do this at once.
pub(super) async fn keep_schedule(app: Arc<App>, stop: CancellationToken) {
    let mut pause = LOOK_EVERY;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = LOOK_EVERY;
        let (work, now) = (KeyWork::of(&app), app.clock.now());
        if !is_due(&work, &app.registry.signing_keys(), now) {
            continue;
        }
        let outcome = match tend_keys(&work, now).await {
            Ok(()) => app.registry.catch_up(true).await.map_err(Into::into),
            failure => failure,
        };
        if let Err(error) = outcome {
            tracing::error!(event = "keys_not_tended", %error, "what is due of the signing keys cannot be done");
            pause = AGAIN_AFTER;
        }
    }
}

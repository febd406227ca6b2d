//! Carries out the schedule of the signing keys, and takes over what any node has made of them.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    blocking::blocking,
    clock::UnixTime,
    operations::{
        change_keys::KeyWork,
        tend_keys::{is_due, tend_keys},
    },
};

/// How often the dates in memory are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long after a failure.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// By how many seconds a clock may be from where it should be.
const TOLERANCE: i64 = 60;
/// How long a clock that was set is in doubt, unless the database's shows the same.
const DOUBT: Duration = Duration::from_secs(3600);

/// Signs with the keys that the register has, until `stop`.
pub(super) async fn follow_keys(app: Arc<App>, stop: CancellationToken) {
    let mut revisions = app.registry.revisions();
    loop {
        let (keys, records) = (app.keys.clone(), app.registry.signing_keys());
        blocking(move || keys.follow(records)).await;
        let lacks_some = app.keys.ring().unopened().next().is_some();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN_AFTER), if lacks_some => {}
            changed = revisions.changed() => if changed.is_err() { return },
        }
    }
}

/// Does what is due, whenever something is, until `stop`. Any number of nodes do this at once.
pub(super) async fn keep_schedule(app: Arc<App>, stop: CancellationToken) {
    let (mut pause, mut trust) = (LOOK_EVERY, TrustInClock::new(app.clock.now()));
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = LOOK_EVERY;
        let (work, now) = (KeyWork::of(&app), app.clock.now());
        trust.look(now);
        if !is_due(&work, app.keys.ring().records(), now) {
            continue;
        }
        let outcome = match trust.holds(&app, now).await {
            false => Err("this machine's clock was set, and nothing confirms it".into()),
            true => match tend_keys(&work, now).await {
                Ok(()) => app.registry.catch_up(true).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            },
        };
        if let Err(error) = outcome {
            tracing::error!(event = "keys_not_tended", error, "what is due of the signing keys is not done");
            pause = AGAIN_AFTER;
        }
    }
}

/// A clock that jumped must not end keys whose tokens live.
struct TrustInClock {
    seen: (UnixTime, Instant),
    in_doubt_since: Option<Instant>,
}

impl TrustInClock {
    fn new(now: UnixTime) -> Self {
        Self { seen: (now, Instant::now()), in_doubt_since: None }
    }

    fn look(&mut self, now: UnixTime) {
        let (before, at) = std::mem::replace(&mut self.seen, (now, Instant::now()));
        let passed = i64::try_from(at.elapsed().as_secs()).unwrap_or(i64::MAX);
        if (now.since(before) - passed).abs() > TOLERANCE {
            self.in_doubt_since = Some(Instant::now());
        }
    }

    /// May keys be ended by it?
    async fn holds(&mut self, app: &App, now: UnixTime) -> bool {
        let Some(since) = self.in_doubt_since else { return true };
        let of_database = app.registry.database().clock().await.ok().flatten();
        if of_database.is_some_and(|other| now.since(other).abs() <= TOLERANCE) || since.elapsed() > DOUBT {
            self.in_doubt_since = None;
        }
        self.in_doubt_since.is_none()
    }
}

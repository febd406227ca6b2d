//! What a server does beside answering, in tasks of their own.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    audit_checkpoints::sign_checkpoints,
    clock_watch::watch_clock,
    directory_watch::watch_directory,
    expiry_watch::warn_of_expiries,
    key_rotation::{follow_keys, keep_schedule},
    key_set_fetches::follow_fetches,
    listeners::Listeners,
};
use crate::{app::App, clock::Clock, replay::ReplayStore};

/// How long a task of the server that failed waits before it begins again.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// How often some of them act.
pub(super) struct Periods {
    pub(super) poll_every: Duration,
    pub(super) checkpoint_every: Duration,
    /// Where the issuance record is.
    pub(super) record_directory: PathBuf,
}

/// Spawns all of them; they end with `stop`, or when nobody can need them any more.
pub(super) fn spawn(
    app: &Arc<App>,
    listeners: &Arc<Listeners>,
    used_assertions: Arc<ReplayStore>,
    Periods { poll_every, checkpoint_every, record_directory }: Periods,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let registry = app.registry.clone();
    tasks.spawn(restarted("registry", stop.clone(), move |stop| registry.clone().follow(poll_every, stop)));
    let following = app.clone();
    tasks.spawn(restarted("key ring", stop.clone(), move |stop| follow_keys(following.clone(), stop)));
    let fetched = app.clone();
    tasks.spawn(restarted("fetches of the key set", stop.clone(), move |stop| follow_fetches(fetched.clone(), stop)));
    let tended = app.clone();
    tasks.spawn(restarted("key schedule", stop.clone(), move |stop| keep_schedule(tended.clone(), stop)));
    let registry = app.registry.clone();
    tasks.spawn(restarted("ended revocations", stop.clone(), move |stop| registry.clone().prune(stop)));
    let (store, clock): (_, Arc<dyn Clock>) = (used_assertions.clone(), app.clock.clone());
    tasks.spawn(restarted("used assertions", CancellationToken::new(), move |_until_the_last_guard_is_gone| {
        used_assertions.clone().write()
    }));
    tasks.spawn(restarted("ended assertions", stop.clone(), move |stop| store.clone().prune(clock.clone(), stop)));
    let (key_sets, registered) = (app.authenticator.key_sets.clone(), app.registry.clone());
    tasks.spawn(restarted("key sets", stop.clone(), move |stop| key_sets.clone().follow(registered.clone(), stop)));
    let uses = app.clone();
    tasks.spawn(restarted("credential uses", stop.clone(), move |stop| {
        let app = uses.clone();
        async move { app.uses.write_to(app.registry.database(), stop).await }
    }));
    let signing = app.clone();
    tasks.spawn(restarted("audit checkpoints", stop.clone(), move |stop| {
        sign_checkpoints(signing.clone(), record_directory.clone(), checkpoint_every, stop)
    }));
    let compared = app.clone();
    tasks.spawn(restarted("directory", stop.clone(), move |stop| watch_directory(compared.clone(), stop)));
    let timed = app.clone();
    tasks.spawn(restarted("clock", stop.clone(), move |stop| {
        watch_clock(timed.clock.clone(), timed.registry.database().clone(), stop)
    }));
    let (watched, listeners) = (app.clone(), listeners.clone());
    tasks.spawn(restarted("expiries", stop.clone(), move |stop| {
        warn_of_expiries(watched.clone(), listeners.clone(), stop)
    }));
}

/// Runs `task` until it ends by itself. A panic is a bug of ours; without that task the server would live on half dead.
async fn restarted<F>(name: &str, stop: CancellationToken, task: impl Fn(CancellationToken) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(failure) = tokio::spawn(task(stop.clone())).await {
        tracing::error!(event = "task_failed", task = name, %failure, "a task of the server failed and begins again");
        stop.run_until_cancelled(tokio::time::sleep(RESTART_AFTER)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_fails_begins_again_until_it_ends_by_itself() {
        let begun = Arc::new(AtomicU32::new(0));
        let counted = begun.clone();
        let task = move |_stop| {
            let attempt = counted.fetch_add(1, Ordering::Relaxed);
            async move { assert!(attempt > 0, "a bug of ours") }
        };
        restarted("test", CancellationToken::new(), task).await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }
}

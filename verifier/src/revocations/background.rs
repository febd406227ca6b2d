//! Asks the source every so often, in a task that lives as long as the verifier.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::AbortHandle,
    time::timeout,
};

use super::Following;

/// How long a verification waits for a source that sets no limit of its own.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Polling {
    task: ArcSwapOption<AbortHandle>,
    starting: Mutex<()>,
    ended: watch::Sender<()>,
    wake: Arc<Notify>,
}

impl Polling {
    /// Begins, unless it has begun and its runtime is still there.
    pub(super) fn ensure(&self, following: &Arc<Following>) {
        let is_polling = || self.task.load().as_ref().is_some_and(|task| !task.is_finished());
        if is_polling() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let _one = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_polling() {
            let task = runtime.spawn(poll_on(Arc::downgrade(following), self.wake.clone()));
            self.task.store(Some(Arc::new(task.abort_handle())));
        }
    }

    /// Begins, and waits for the first answer; or for the next one when the list became stale with nobody failing, as
    /// after the machine has slept.
    pub(super) async fn keep_up(&self, following: &Arc<Following>) {
        self.ensure(following);
        if !following.lacks_list() {
            return;
        }
        let mut ended = self.ended.subscribe();
        if following.lacks_list() {
            if following.has_list() {
                self.wake.notify_one();
            }
            let _ = timeout(PATIENCE, ended.changed()).await; // too late is as good as never: there is no list then
        }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        if let Some(task) = self.task.load().as_ref() {
            task.abort();
        }
    }
}

async fn poll_on(following: Weak<Following>, wake: Arc<Notify>) {
    while let Some(current) = following.upgrade() {
        let pause = current.revocations.source.poll_every();
        let _ = current.poll().await; // kept and logged
        current.polling.ended.send_replace(());
        drop(current);
        let _ = timeout(pause, wake.notified()).await;
    }
}

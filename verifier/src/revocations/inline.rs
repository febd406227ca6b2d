//! Without a runtime of ours there are no tasks: a verification asks the source itself, when it is time to.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Following, Instant};

#[derive(Default)]
pub(super) struct Polling {
    last_began: Mutex<Option<Instant>>,
}

impl Polling {
    pub(super) fn ensure(&self, _following: &Arc<Following>) {}

    pub(super) async fn keep_up(&self, following: &Arc<Following>) {
        if self.is_time(following) {
            let _ = following.poll().await; // kept and logged
        }
    }

    fn is_time(&self, following: &Following) -> bool {
        let mut last_began = self.last_began.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = following.revocations.source.poll_every();
        let is_time = following.lacks_list() || last_began.is_none_or(|began| began.elapsed() >= pause);
        if is_time {
            *last_began = Some(Instant::now());
        }
        is_time
    }
}

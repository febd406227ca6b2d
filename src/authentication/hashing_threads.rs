//! Threads that compute Argon2, after everything that waits for the processor as well.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use argon2::Block;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The threads' niceness: they give way to requests that need no hashing. At 19, the most, a processor that is busy with
/// other things would hardly ever verify a new secret.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// A few threads of lower priority, each with memory of its own that it keeps: a flood of wrong secrets takes little of
/// the processor time that others need.
pub(super) struct HashingThreads(Sender<Job>);

impl HashingThreads {
    /// Starts `count` threads, which end when this is dropped.
    pub(super) fn start(count: usize) -> Self {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let queue = queue.clone();
            let thread = thread::Builder::new().name("argon2".to_owned()).spawn(move || work(&queue));
            #[expect(clippy::expect_used, reason = "a server without threads must stop")]
            let _detached = thread.expect("the operating system starts a thread");
        }
        Self(jobs)
    }

    /// What `work` gives, once a thread has time for it.
    ///
    /// # Panics
    /// When `work` does.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static) -> T {
        let (answer, answered) = oneshot::channel();
        let job = move |memory: &mut Vec<Block>| {
            let _gone = answer.send(work(memory)); // nobody may be waiting any more
        };
        let _queued = self.0.send(Box::new(job));
        #[expect(clippy::expect_used, reason = "the panic of the job is a panic here")]
        answered.await.expect("the computation did not fail")
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    #[cfg(target_os = "linux")] // elsewhere it would lower the whole process
    let _as_it_was = rustix::process::setpriority_process(None, NICENESS);
    let mut memory = Vec::new();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        let _reported = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
    }
}

impl fmt::Debug for HashingThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashingThreads").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_leaves_the_thread_for_the_next() {
        let threads = Arc::new(HashingThreads::start(1));
        let failing = threads.clone();
        assert!(tokio::spawn(async move { failing.run(|_| panic!("a bug of ours")).await }).await.is_err());
        assert_eq!(threads.run(|_| 7).await, 7);
    }
}

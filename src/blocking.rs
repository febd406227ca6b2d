//! Work that keeps a thread: files, and computations of milliseconds. Never on a thread that serves.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

/// Does `work` on a thread for such work. A panic in it is a panic here.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap_or_else(|failure| resume_unwind(failure.into_panic()))
}

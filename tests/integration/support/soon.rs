//! Waiting for what happens by itself. A machine that is busy with other tests may take its time; a figure for how long
//! something takes comes from a benchmark, never from a test.

use std::time::Duration;

/// Far longer than anything takes that is not broken.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// What `work` gives.
///
/// # Panics
/// When it does not end.
#[track_caller]
pub(crate) fn soon<T>(what: &str, work: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let done = tokio::time::timeout(SOON, work).await;
        done.unwrap_or_else(|_| panic!("{caller}: not within {SOON:?}: {what}"))
    }
}

/// Returns as soon as it `is_so`.
///
/// # Panics
/// When it does not become so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    soon(what, async move {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

//! The Spine Directory Service: can it be reached? No token waits for it.

use super::Finding;
use crate::{
    config::Config,
    directory::{Directory, DirectoryError},
};

/// Nothing, when there is none.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    const CHECK: &str = "directory";
    let url = config.directory.url.as_ref()?;
    let failed = |error: DirectoryError| {
        Finding::warning(CHECK, format!("{url}: {error}"), "see `directory`; tokens are issued without it")
    };
    let directory = match Directory::open(&config.directory) {
        Ok(directory) => directory,
        Err(error) => return Some(failed(error)),
    };
    Some(match directory.check().await {
        Ok(()) => Finding::ok(CHECK, format!("{url} answers")),
        Err(error) => failed(error),
    })
}

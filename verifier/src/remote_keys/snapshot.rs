//! The issuer's keys on disk, for a provider that starts while the issuer is away.
//!
//! Whoever can write the file decides which keys count. So it is made for this user alone, and not believed when others
//! can write it.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use crate::{InvalidKeySet, KeySet};

/// Twice the longest key set, which is written as a text.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Snapshot {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    url: String,
    /// Unix seconds.
    fetched_at: i64,
    /// The key set as it came.
    jwks: String,
}

/// Why there is nothing to be had from the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotBelieved {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("expected a regular file")]
    NotAFile,
    #[cfg(unix)]
    #[error("expected a file of this user or root, received one of the user {0}")]
    Owner(u32),
    #[cfg(unix)]
    #[error("expected a file that nobody but its owner can write, received mode {0:03o}")]
    Writable(u32),
    #[error("expected at most {MAX_BYTES} bytes")]
    TooLarge,
    #[error("expected what this crate writes, received something else: {0}")]
    Broken(#[from] serde_json::Error),
    #[error(transparent)]
    NotAKeySet(#[from] InvalidKeySet),
    #[error("expected the keys of {expected}, received those of {received:?}")]
    OtherUrl { expected: String, received: String },
    #[error("expected keys from the past, received ones that were fetched at {fetched_at}; it is {now}")]
    FromTheFuture { fetched_at: i64, now: i64 },
    #[error("expected keys of less than {} s, received ones of {} s", .budget.as_secs(), .age.as_secs())]
    TooOld { budget: Duration, age: Duration },
}

impl Snapshot {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file in one step, on a thread that may wait.
    pub(super) async fn write(self: Arc<Self>, url: String, fetched_at: i64, jwks: Vec<u8>) {
        let snapshot = Arc::clone(&self);
        let written = spawn_blocking(move || snapshot.replace(&url, fetched_at, &jwks)).await;
        if let Err(error) = written.unwrap_or_else(|stopped| Err(io::Error::other(stopped))) {
            tracing::warn!(path = ?self.path, %error, "the snapshot of the issuer's keys could not be written");
        }
    }

    fn replace(&self, url: &str, fetched_at: i64, jwks: &[u8]) -> io::Result<()> {
        let jwks = String::from_utf8_lossy(jwks).into_owned(); // JSON that has been read is UTF-8
        let contents = serde_json::to_vec(&Contents { url: url.to_owned(), fetched_at, jwks })?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?; // for its owner alone
        file.write_all(&contents)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }

    /// The keys and their age, if they are those of `url`, and less than `budget` old.
    pub(super) async fn read(
        self: Arc<Self>,
        url: String,
        now: i64,
        budget: Duration,
    ) -> Result<(KeySet, Duration), NotBelieved> {
        let reading = spawn_blocking(move || self.contents()?.believed(&url, now, budget));
        reading.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped).into()))
    }

    fn contents(&self) -> Result<Contents, NotBelieved> {
        if !fs::metadata(&self.path)?.is_file() {
            return Err(NotBelieved::NotAFile); // to open a pipe would take for ever
        }
        let file = File::open(&self.path)?;
        require_own(&file.metadata()?)?;
        let mut json = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut json)?;
        if u64::try_from(json.len()).is_ok_and(|length| length <= MAX_BYTES) {
            Ok(serde_json::from_slice(&json)?)
        } else {
            Err(NotBelieved::TooLarge)
        }
    }
}

impl Contents {
    fn believed(self, url: &str, now: i64, budget: Duration) -> Result<(KeySet, Duration), NotBelieved> {
        let Self { url: received, fetched_at, jwks } = self;
        if received != url {
            return Err(NotBelieved::OtherUrl { expected: url.to_owned(), received });
        }
        let age = now.checked_sub(fetched_at).and_then(|age| u64::try_from(age).ok()).map(Duration::from_secs);
        let age = age.ok_or(NotBelieved::FromTheFuture { fetched_at, now })?;
        if age >= budget {
            return Err(NotBelieved::TooOld { budget, age });
        }
        Ok((KeySet::parse(jwks.as_bytes())?, age))
    }
}

#[cfg(unix)]
fn require_own(metadata: &Metadata) -> Result<(), NotBelieved> {
    use std::os::unix::fs::MetadataExt;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(NotBelieved::Owner(owner));
    }
    if mode & 0o022 != 0 { Err(NotBelieved::Writable(mode)) } else { Ok(()) }
}

/// Elsewhere, who can write the file is for the administrator to see to.
#[cfg(not(unix))]
fn require_own(_: &Metadata) -> Result<(), NotBelieved> {
    Ok(())
}

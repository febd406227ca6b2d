//! Signs how far the audit of changes has come, so that whoever may write to the database cannot write it anew unnoticed.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    blocking::blocking,
    hash_chain::ChainHash,
    record::{CHANGES, Checkpoint, KnownCheckpoint, keep_known_changes, known_changes_file, read_known_changes},
    storage::AuditCheckpoint,
};

/// Records that are held in memory at a time.
const BATCH: u32 = 1_000;

/// Every `interval`, and once more at the end, if there are records that no checkpoint covers. Nodes that do it at once
/// sign the same.
///
/// What was signed last is kept in `directory` of this machine, too: an audit that does not go on from it was written anew,
/// and is not signed.
pub(super) async fn sign_checkpoints(app: Arc<App>, directory: PathBuf, interval: Duration, stop: CancellationToken) {
    let mut signed = None;
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some();
        if let Err(error) = sign(&app, &directory, &mut signed).await {
            tracing::error!(event = "audit_not_signed", %error, "the audit of changes could not be signed");
        }
        if !goes_on {
            return;
        }
    }
}

/// Signs the chain's end, once it is known to go on from `signed`, what this process signed last.
async fn sign(
    app: &App,
    directory: &Path,
    signed: &mut Option<(i64, ChainHash)>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let database = app.registry.database();
    let own = directory.to_owned();
    let known = match *signed {
        Some(signed) => Some(signed),
        None => match blocking(move || read_known_changes(&own)).await? {
            Some(known) => Some((i64::try_from(known.sequence)?, known.hash)),
            None => None,
        },
    };
    let (mut sequence, mut hash) = match known {
        Some(known) => {
            refuse_another(app, known, directory).await?;
            known
        }
        None => {
            let covered = database.last_audit_checkpoint().await?;
            let last = database.read_audit_checkpoints(covered - 1, 1).await?.pop();
            last.map_or(Ok((0, ChainHash::START)), |last| last.hash.parse().map(|hash| (last.sequence, hash)))?
        }
    };
    let covered = sequence;
    let (end, _) = database.audit_head().await?;
    while sequence < end {
        let begun = sequence;
        let records = database.read_audit(begun, BATCH).await?;
        for record in records.iter().filter(|record| record.sequence <= end) {
            hash = hash.then(record.record.as_bytes());
            sequence += 1;
            if record.sequence != sequence || record.hash != hash.to_string() {
                return Err(format!("record {sequence} does not follow from those before it: run audit verify").into());
            }
        }
        if sequence == begun {
            return Err(format!("records after {sequence} are missing: run audit verify").into());
        }
    }
    if sequence > covered {
        let (iss, iat, stream) = (app.issuer.as_str().to_owned(), app.clock.now(), CHANGES.to_owned());
        let statement = Checkpoint { iss, iat, stream, sequence: u64::try_from(sequence)?, hash: hash.to_string() };
        let (keys, of) = (app.keys.clone(), statement.clone());
        let signature = blocking(move || keys.sign_checkpoint(&of)).await?;
        let checkpoint = AuditCheckpoint { sequence, hash: hash.to_string(), at: iat, signature };
        database.insert_audit_checkpoint(&checkpoint).await?;
        let known = KnownCheckpoint { stream: CHANGES.to_owned(), sequence: u64::try_from(sequence)?, hash };
        let (own, kept) = (directory.to_owned(), known.clone());
        blocking(move || keep_known_changes(&own, &kept)).await?;
        tracing::info!(event = "audit_checkpoint", checkpoint = %known, "the audit of changes is signed up to here");
    }
    *signed = Some((sequence, hash));
    Ok(())
}

/// Is the record that was signed last still there, and the same?
async fn refuse_another(
    app: &App,
    (sequence, hash): (i64, ChainHash),
    directory: &Path,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    if sequence == 0 {
        return Ok(());
    }
    let found = app.registry.database().read_audit(sequence - 1, 1).await?.pop();
    if found.is_some_and(|found| found.sequence == sequence && found.hash == hash.to_string()) {
        return Ok(());
    }
    let file = known_changes_file(directory);
    Err(format!(
        "it is not the audit of which this server signed record {sequence}: it was written anew, cut off, or restored from a \
         backup; if that is right, remove {}",
        file.display()
    )
    .into())
}

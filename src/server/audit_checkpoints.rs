//! Signs how far the audit of changes has come, so that whoever may write to the database cannot write it anew unnoticed.

use std::{error::Error, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    hash_chain::ChainHash,
    record::{CHANGES, Checkpoint, KnownCheckpoint},
    storage::AuditCheckpoint,
};

/// Records that are held in memory at a time.
const BATCH: u32 = 1_000;

/// Every `interval`, and once more at the end, if there are records that no checkpoint covers. Nodes that do it at once
/// sign the same.
pub(super) async fn sign_checkpoints(app: Arc<App>, interval: Duration, stop: CancellationToken) {
    let mut signed = None;
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some();
        if let Err(error) = sign(&app, &mut signed).await {
            tracing::error!(event = "audit_not_signed", %error, "the audit of changes could not be signed");
        }
        if !goes_on {
            return;
        }
    }
}

/// Signs the chain's end, once it is known to go on from `signed`, what this process signed last.
async fn sign(app: &App, signed: &mut Option<(i64, ChainHash)>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let database = app.registry.database();
    let (mut sequence, mut hash) = match *signed {
        Some(signed) => signed,
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
    if end < covered {
        return Err(format!("it ended at record {covered}, and now ends at {end}: run audit verify").into());
    }
    if sequence > covered {
        let (iss, iat, stream) = (app.issuer.as_str().to_owned(), app.clock.now(), CHANGES.to_owned());
        let statement = Checkpoint { iss, iat, stream, sequence: u64::try_from(sequence)?, hash: hash.to_string() };
        let signature = app.key_ring.sign_checkpoint(&statement)?;
        let checkpoint = AuditCheckpoint { sequence, hash: hash.to_string(), at: iat, signature };
        database.insert_audit_checkpoint(&checkpoint).await?;
        let checkpoint = KnownCheckpoint { stream: CHANGES.to_owned(), sequence: u64::try_from(sequence)?, hash };
        tracing::info!(event = "audit_checkpoint", %checkpoint, "the audit of changes is signed up to here");
    }
    *signed = Some((sequence, hash));
    Ok(())
}

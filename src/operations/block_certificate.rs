//! Blocks a certificate by its serial number, whatever its authority says of it. It counts everywhere within a second.

use super::change_refused::ChangeRefused;
use crate::{
    domain::{Act, BlockedCertificate, SerialNumber, fields::check_sentence},
    storage::{Change, Database, StorageError},
};

/// Blocks a certificate, again if it was blocked once. `issuer` is its issuer's name as RFC 4514 writes it.
pub async fn block_certificate(
    database: &Database,
    issuer: String,
    serial: SerialNumber,
    note: String,
    act: Act,
) -> Result<BlockedCertificate, ChangeRefused> {
    check_sentence(&note).map_err(|detail| ChangeRefused::at("/note", detail))?;
    let blocked = BlockedCertificate { issuer, serial, note, blocked_at: act.at, unblocked_at: None };
    let mut change = database.begin(act).await?;
    let outcome = put(&mut change, &blocked).await;
    change.finish(outcome).await?;
    tracing::warn!(issuer = blocked.issuer, serial = %blocked.serial, note = blocked.note, "certificate blocked");
    Ok(blocked)
}

async fn put(change: &mut Change, blocked: &BlockedCertificate) -> Result<(), ChangeRefused> {
    let before = known(change, &blocked.issuer, &blocked.serial).await?;
    Ok(change.put_blocked_certificate(before.as_ref(), blocked).await?)
}

/// Blocks a certificate no longer; [`StorageError::NotFound`] when it is not blocked.
pub async fn unblock_certificate(
    database: &Database,
    issuer: &str,
    serial: &SerialNumber,
    act: Act,
) -> Result<BlockedCertificate, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = unblock(&mut change, issuer, serial).await;
    let unblocked = change.finish(outcome).await?;
    tracing::warn!(issuer, %serial, "certificate no longer blocked");
    Ok(unblocked)
}

async fn unblock(
    change: &mut Change,
    issuer: &str,
    serial: &SerialNumber,
) -> Result<BlockedCertificate, ChangeRefused> {
    let blocked = known(change, issuer, serial).await?.filter(|known| known.unblocked_at.is_none());
    let not_found = || StorageError::not_found("blocked certificate", format!("{serial} of {issuer}"));
    let before = blocked.ok_or_else(not_found)?;
    let after = BlockedCertificate { unblocked_at: Some(change.act().at), ..before.clone() };
    change.put_blocked_certificate(Some(&before), &after).await?;
    Ok(after)
}

async fn known(
    change: &mut Change,
    issuer: &str,
    serial: &SerialNumber,
) -> Result<Option<BlockedCertificate>, StorageError> {
    let all = change.blocked_certificates().await?;
    Ok(all.into_iter().find(|known| known.issuer == issuer && known.serial == *serial))
}

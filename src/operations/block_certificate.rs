//! Blocks a certificate by its serial number, whatever its authority says of it. It counts everywhere within a second.

use crate::{
    clock::UnixTime,
    domain::{BlockedCertificate, SerialNumber},
    storage::{Database, StorageError},
};

/// Blocks a certificate, again if it was blocked once. `issuer` is its issuer's name as RFC 4514 writes it.
pub async fn block_certificate(
    database: &Database,
    issuer: String,
    serial: SerialNumber,
    note: String,
    now: UnixTime,
) -> Result<BlockedCertificate, StorageError> {
    let blocked = BlockedCertificate { issuer, serial, note, blocked_at: now, unblocked_at: None };
    database.block_certificate(&blocked).await?;
    tracing::warn!(issuer = blocked.issuer, serial = %blocked.serial, note = blocked.note, "certificate blocked");
    Ok(blocked)
}

/// Blocks a certificate no longer; [`StorageError::NotFound`] when it is not blocked.
pub async fn unblock_certificate(
    database: &Database,
    issuer: &str,
    serial: &SerialNumber,
    now: UnixTime,
) -> Result<(), StorageError> {
    database.unblock_certificate(issuer, serial, now).await?;
    tracing::warn!(issuer, %serial, "certificate no longer blocked");
    Ok(())
}

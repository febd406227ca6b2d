//! Caps what certificates of some names may obtain. It counts everywhere within a second.

use std::collections::BTreeSet;

use careconnect_verifier::Group;

use crate::{
    clock::UnixTime,
    domain::{CertificatePolicy, DisplayName, HostPrefix, KeyThumbprint},
    storage::{Database, StorageError},
};

/// Adds a policy; [`StorageError::AlreadyExists`] for a name that is or was taken, [`StorageError::UnknownReference`] for
/// a group that is not registered.
pub async fn add_certificate_policy(
    database: &Database,
    name: DisplayName,
    host_prefix: HostPrefix,
    issuer: Option<KeyThumbprint>,
    groups: BTreeSet<Group>,
    now: UnixTime,
) -> Result<CertificatePolicy, StorageError> {
    let policy = CertificatePolicy { name, host_prefix, issuer, groups, created_at: now, removed_at: None };
    database.insert_certificate_policy(&policy).await?;
    tracing::info!(policy = %policy.name, host_prefix = %policy.host_prefix, "certificate policy added");
    Ok(policy)
}

/// Removes a policy; [`StorageError::NotFound`] when none of that name holds.
pub async fn remove_certificate_policy(
    database: &Database,
    name: &DisplayName,
    now: UnixTime,
) -> Result<(), StorageError> {
    database.remove_certificate_policy(name, now).await?;
    tracing::warn!(policy = %name, "certificate policy removed");
    Ok(())
}

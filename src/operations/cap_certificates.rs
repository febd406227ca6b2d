//! Caps what certificates of some names may obtain. It counts everywhere within a second.

use std::collections::BTreeSet;

use careconnect_verifier::Group;

use super::change_refused::{ChangeRefused, check};
use crate::{
    domain::{Act, CertificatePolicy, DisplayName, HostPrefix, KeyThumbprint, Precondition},
    storage::{Change, Database, StorageError},
};

/// Adds a policy; [`StorageError::AlreadyExists`] for a name that is or was taken, [`StorageError::UnknownReference`] for
/// a group that is not registered.
pub async fn add_certificate_policy(
    database: &Database,
    name: DisplayName,
    host_prefix: HostPrefix,
    issuer: Option<KeyThumbprint>,
    groups: BTreeSet<Group>,
    act: Act,
) -> Result<CertificatePolicy, ChangeRefused> {
    let policy = CertificatePolicy { name, host_prefix, issuer, groups, created_at: act.at, removed_at: None };
    let mut change = database.begin(act).await?;
    let outcome = change.put_certificate_policy(None, &policy).await;
    change.finish(outcome).await?;
    tracing::info!(policy = %policy.name, host_prefix = %policy.host_prefix, "certificate policy added");
    Ok(policy)
}

/// Makes of a policy what `edit` makes of it; [`StorageError::NotFound`] when none of that name holds.
pub async fn change_certificate_policy(
    database: &Database,
    name: &DisplayName,
    expected: &Precondition,
    edit: impl FnOnce(&CertificatePolicy) -> Result<CertificatePolicy, ChangeRefused> + Send,
    act: Act,
) -> Result<CertificatePolicy, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = changed(&mut change, name, expected, edit).await;
    let after = change.finish(outcome).await?;
    tracing::warn!(policy = %name, removed = after.removed_at.is_some(), "certificate policy changed");
    Ok(after)
}

/// Removes a policy; [`StorageError::NotFound`] when none of that name holds.
pub async fn remove_certificate_policy(
    database: &Database,
    name: &DisplayName,
    expected: &Precondition,
    act: Act,
) -> Result<CertificatePolicy, ChangeRefused> {
    let now = act.at;
    let edit = |policy: &CertificatePolicy| Ok(CertificatePolicy { removed_at: Some(now), ..policy.clone() });
    change_certificate_policy(database, name, expected, edit, act).await
}

async fn changed(
    change: &mut Change,
    name: &DisplayName,
    expected: &Precondition,
    edit: impl FnOnce(&CertificatePolicy) -> Result<CertificatePolicy, ChangeRefused> + Send,
) -> Result<CertificatePolicy, ChangeRefused> {
    let all = change.certificate_policies().await?;
    let found = all.into_iter().find(|policy| policy.name == *name && policy.removed_at.is_none());
    let before = found.ok_or_else(|| StorageError::not_found("certificate policy", name))?;
    check(expected, &before)?;
    let after = edit(&before)?;
    if after != before {
        change.put_certificate_policy(Some(&before), &after).await?;
    }
    Ok(after)
}

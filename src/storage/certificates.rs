//! What administrators say of certificates: which are blocked, and which get no more than some groups.

use careconnect_verifier::Group;

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
    ordered_merge::Owners,
};
use crate::{
    clock::UnixTime,
    domain::{BlockedCertificate, CertificatePolicy, HostPrefix, display_name::InvalidDisplayName},
};

pub(super) const BLOCKED: &str = "SELECT issuer, serial, note, blocked_at, unblocked_at FROM blocked_certificates \
    WHERE revision > $1 ORDER BY issuer, serial";
pub(super) const POLICIES: [&str; 2] = [
    "SELECT name, host_prefix, issuer_key, created_at, removed_at FROM certificate_policies WHERE revision > $1 \
     ORDER BY name",
    "SELECT name, urn FROM certificate_policy_groups \
     WHERE name IN (SELECT name FROM certificate_policies WHERE revision > $1) ORDER BY name",
];

/// Reads the blocked certificates that changed after a revision.
macro_rules! read_blocked_certificates {
    ($connection:expr, $revision:expr) => {{
        let mut read = Vec::new();
        for_each_row!($connection, crate::storage::certificates::BLOCKED, $revision, |row| {
            crate::storage::certificates::blocked(row).map(|blocked| read.push(blocked))
        });
        read
    }};
}
/// Reads the certificate policies that changed after a revision.
macro_rules! read_certificate_policies {
    ($connection:expr, $revision:expr) => {{
        let mut read = crate::storage::certificates::PolicyRows::default();
        let [policies, groups] = crate::storage::certificates::POLICIES;
        for_each_row!($connection, policies, $revision, |row| read.policy(row));
        read.0.rewind();
        for_each_row!($connection, groups, $revision, |row| read.group(row));
        read.0.into_vec()
    }};
}
pub(super) use {read_blocked_certificates, read_certificate_policies};

impl Change {
    /// All certificates that are or were blocked.
    pub async fn blocked_certificates(&mut self) -> Result<Vec<BlockedCertificate>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.blocked.values().cloned().collect());
        }
        in_change!(self, |connection| Ok(read_blocked_certificates!(connection, 0_i64)))
    }

    /// Keeps that a certificate is blocked, or is so no longer.
    pub async fn put_blocked_certificate(
        &mut self,
        before: Option<&BlockedCertificate>,
        after: &BlockedCertificate,
    ) -> Result<(), StorageError> {
        const UPSERT: &str = "INSERT INTO blocked_certificates (issuer, serial, note, blocked_at, unblocked_at, revision) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (issuer, serial) DO UPDATE SET note = excluded.note, \
            blocked_at = excluded.blocked_at, unblocked_at = excluded.unblocked_at, revision = excluded.revision";
        if let Some(held) = self.held.as_mut() {
            held.put_blocked(after);
        }
        let revision = self.revision;
        in_writing!(self, |connection| {
            sqlx::query(UPSERT)
                .bind(&after.issuer)
                .bind(after.serial.as_str())
                .bind(&after.note)
                .bind(after.blocked_at.0)
                .bind(after.unblocked_at.map(|at| at.0))
                .bind(revision)
                .execute(connection)
                .await?;
            Ok(())
        })?;
        self.note(before, after);
        Ok(())
    }

    /// All certificate policies, removed ones too.
    pub async fn certificate_policies(&mut self) -> Result<Vec<CertificatePolicy>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.policies.values().cloned().collect());
        }
        in_change!(self, |connection| Ok(read_certificate_policies!(connection, 0_i64)))
    }

    /// Keeps a new certificate policy, or what became of `before`; [`StorageError::AlreadyExists`] for a name that is or
    /// was taken, [`StorageError::UnknownReference`] for a group that is not registered.
    pub async fn put_certificate_policy(
        &mut self,
        before: Option<&CertificatePolicy>,
        after: &CertificatePolicy,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO certificate_policies (host_prefix, issuer_key, created_at, removed_at, \
            revision, name) VALUES ($1, $2, $3, $4, $5, $6)";
        const UPDATE: &str = "UPDATE certificate_policies SET host_prefix = $1, issuer_key = $2, created_at = $3, \
            removed_at = $4, revision = $5 WHERE name = $6";
        const GROUP: &str = "INSERT INTO certificate_policy_groups (name, urn) VALUES ($1, $2)";
        self.held.as_mut().map_or(Ok(()), |held| held.put_policy(before, after))?;
        let (name, revision) = (&after.name, self.revision);
        in_writing!(self, |connection| {
            sqlx::query(if before.is_some() { UPDATE } else { INSERT })
                .bind(after.host_prefix.as_str())
                .bind(after.issuer.map(|issuer| issuer.to_string()))
                .bind(after.created_at.0)
                .bind(after.removed_at.map(|at| at.0))
                .bind(revision)
                .bind(name.as_str())
                .execute(&mut *connection)
                .await
                .map_err(|error| {
                    StorageError::of_insert(error, ("certificate policy", name), ("certificate policy", name))
                })?;
            let forget = sqlx::query("DELETE FROM certificate_policy_groups WHERE name = $1").bind(name.as_str());
            forget.execute(&mut *connection).await?;
            for group in &after.groups {
                let inserted = sqlx::query(GROUP).bind(name.as_str()).bind(group.as_str());
                let inserted = inserted.execute(&mut *connection).await;
                inserted.map_err(|error| StorageError::of_insert(error, ("group", group), ("group", group)))?;
            }
            Ok(())
        })?;
        self.note(before, after);
        Ok(())
    }
}

impl Database {
    /// All certificates that are or were blocked.
    pub async fn list_blocked_certificates(&self) -> Result<Vec<BlockedCertificate>, StorageError> {
        in_snapshot!(self, |transaction| read_blocked_certificates!(transaction, 0_i64))
    }

    /// All certificate policies, removed ones too.
    pub async fn list_certificate_policies(&self) -> Result<Vec<CertificatePolicy>, StorageError> {
        in_snapshot!(self, |transaction| read_certificate_policies!(transaction, 0_i64))
    }
}

pub(super) fn blocked(row: (String, String, String, i64, Option<i64>)) -> Result<BlockedCertificate, StorageError> {
    let (issuer, serial, note, blocked_at, unblocked_at) = row;
    let serial = serial.parse().map_err(|error| StorageError::corrupt("blocked certificate", &serial, error))?;
    let (blocked_at, unblocked_at) = (UnixTime(blocked_at), unblocked_at.map(UnixTime));
    Ok(BlockedCertificate { issuer, serial, note, blocked_at, unblocked_at })
}

/// Policies while their rows come in.
pub(super) struct PolicyRows(pub(super) Owners<CertificatePolicy>);

impl Default for PolicyRows {
    fn default() -> Self {
        Self(Owners::new("certificate policy", |policy| policy.name.as_str()))
    }
}

impl PolicyRows {
    pub(super) fn policy(
        &mut self,
        row: (String, String, Option<String>, i64, Option<i64>),
    ) -> Result<(), StorageError> {
        let (name, prefix, issuer, created_at, removed_at) = row;
        let corrupt = |error: &dyn std::fmt::Display| StorageError::corrupt("certificate policy", &name, error);
        self.0.push(CertificatePolicy {
            name: name.parse().map_err(|error: InvalidDisplayName| corrupt(&error))?,
            host_prefix: prefix.parse::<HostPrefix>().map_err(|error| corrupt(&error))?,
            issuer: issuer.as_deref().map(str::parse).transpose().map_err(|error| corrupt(&error))?,
            groups: Default::default(),
            created_at: UnixTime(created_at),
            removed_at: removed_at.map(UnixTime),
        });
        Ok(())
    }

    pub(super) fn group(&mut self, (name, urn): (String, String)) -> Result<(), StorageError> {
        let group = Group::parse(&urn).map_err(|error| StorageError::corrupt("certificate policy", &name, error))?;
        self.0.owner(&name)?.groups.insert(group);
        Ok(())
    }
}

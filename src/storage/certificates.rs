//! What administrators say of certificates: which are blocked, and which get no more than some groups.

use careconnect_verifier::Group;

use super::{Database, StorageError, ordered_merge::Owners};
use crate::{
    clock::UnixTime,
    domain::{
        BlockedCertificate, CertificatePolicy, DisplayName, HostPrefix, SerialNumber, display_name::InvalidDisplayName,
    },
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

impl Database {
    /// Blocks a certificate, again if it was blocked once.
    pub async fn block_certificate(&self, blocked: &BlockedCertificate) -> Result<(), StorageError> {
        const UPSERT: &str = "INSERT INTO blocked_certificates (issuer, serial, note, blocked_at, revision) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (issuer, serial) DO UPDATE SET note = excluded.note, \
            blocked_at = excluded.blocked_at, unblocked_at = NULL, revision = excluded.revision";
        in_revision!(self, |transaction, revision| {
            sqlx::query(UPSERT)
                .bind(&blocked.issuer)
                .bind(blocked.serial.as_str())
                .bind(&blocked.note)
                .bind(blocked.blocked_at.0)
                .bind(revision)
                .execute(&mut *transaction)
                .await?;
        })
    }

    /// Blocks a certificate no longer; [`StorageError::NotFound`] when it is not blocked.
    pub async fn unblock_certificate(
        &self,
        issuer: &str,
        serial: &SerialNumber,
        now: UnixTime,
    ) -> Result<(), StorageError> {
        const UNBLOCK: &str = "UPDATE blocked_certificates SET unblocked_at = $1, revision = $2 \
            WHERE issuer = $3 AND serial = $4 AND unblocked_at IS NULL";
        in_revision!(self, |transaction, revision| {
            let changed = sqlx::query(UNBLOCK)
                .bind(now.0)
                .bind(revision)
                .bind(issuer)
                .bind(serial.as_str())
                .execute(&mut *transaction)
                .await?;
            if changed.rows_affected() == 0 {
                return Err(StorageError::not_found("blocked certificate", format!("{serial} of {issuer}")));
            }
        })
    }

    /// All certificates that are or were blocked.
    pub async fn list_blocked_certificates(&self) -> Result<Vec<BlockedCertificate>, StorageError> {
        in_snapshot!(self, |transaction| read_blocked_certificates!(transaction, 0_i64))
    }

    /// Keeps a new certificate policy; [`StorageError::AlreadyExists`] for a name that is or was taken.
    pub async fn insert_certificate_policy(&self, policy: &CertificatePolicy) -> Result<(), StorageError> {
        const POLICY: &str = "INSERT INTO certificate_policies (name, host_prefix, issuer_key, created_at, revision) \
            VALUES ($1, $2, $3, $4, $5)";
        const GROUP: &str = "INSERT INTO certificate_policy_groups (name, urn) VALUES ($1, $2)";
        let name = &policy.name;
        in_revision!(self, |transaction, revision| {
            sqlx::query(POLICY)
                .bind(name.as_str())
                .bind(policy.host_prefix.as_str())
                .bind(policy.issuer.map(|issuer| issuer.to_string()))
                .bind(policy.created_at.0)
                .bind(revision)
                .execute(&mut *transaction)
                .await
                .map_err(|error| {
                    StorageError::of_insert(error, ("certificate policy", name), ("certificate policy", name))
                })?;
            for group in &policy.groups {
                let inserted = sqlx::query(GROUP).bind(name.as_str()).bind(group.as_str());
                let inserted = inserted.execute(&mut *transaction).await;
                inserted.map_err(|error| StorageError::of_insert(error, ("group", group), ("group", group)))?;
            }
        })
    }

    /// Removes a certificate policy; [`StorageError::NotFound`] when none of that name holds.
    pub async fn remove_certificate_policy(&self, name: &DisplayName, now: UnixTime) -> Result<(), StorageError> {
        const REMOVE: &str = "UPDATE certificate_policies SET removed_at = $1, revision = $2 \
            WHERE name = $3 AND removed_at IS NULL";
        in_revision!(self, |transaction, revision| {
            let changed =
                sqlx::query(REMOVE).bind(now.0).bind(revision).bind(name.as_str()).execute(&mut *transaction).await?;
            if changed.rows_affected() == 0 {
                return Err(StorageError::not_found("certificate policy", name));
            }
        })
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

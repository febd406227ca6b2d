//! Providers: rows ↔ [`ProviderSystem`].

use std::fmt::Display;

use careconnect_verifier::{Algorithm, Asid, Group, OdsCode};

use super::{Database, StorageError, ordered_merge::Owners};
use crate::{
    clock::UnixTime,
    domain::{ProviderSystem, RegistrationStatus, ServiceRoot, TokenLifetime, display_name::InvalidDisplayName},
};

/// The two queries that read the providers whose ASID satisfies `$condition`, both in the same order.
macro_rules! providers_where {
    ($condition:literal) => {
        [
            concat!(
                "SELECT asid, ods_code, name, service_root, signing_algorithm, token_lifetime, certificate_bound, \
                 claims_profile, created_at, suspended_at FROM providers WHERE asid ",
                $condition,
                " ORDER BY asid"
            ),
            concat!("SELECT asid, urn FROM provider_groups WHERE asid ", $condition, " ORDER BY asid"),
        ]
    };
}

const NAMED: [&str; 2] = providers_where!("= $1");
pub(super) const CHANGED_SINCE: [&str; 2] = providers_where!("IN (SELECT asid FROM providers WHERE revision > $1)");

/// Reads providers by two queries, however many providers they are.
macro_rules! read_providers {
    ($connection:expr, $queries:expr, $parameter:expr) => {{
        let mut read = crate::storage::providers::ProviderRows::default();
        let [providers, groups] = $queries;
        for_each_row!($connection, providers, $parameter, |row| read.provider(row));
        read.0.rewind();
        for_each_row!($connection, groups, $parameter, |row| read.group(row));
        read.0.into_vec()
    }};
}
pub(super) use read_providers;

impl Database {
    /// Keeps a new provider with its groups.
    ///
    /// [`StorageError::AlreadyExists`] for a known ASID or service root, [`StorageError::UnknownReference`] for a group
    /// that is not registered; nothing is written then.
    pub async fn insert_provider(&self, provider: &ProviderSystem) -> Result<(), StorageError> {
        const PROVIDER: &str = "INSERT INTO providers (asid, ods_code, name, service_root, signing_algorithm, \
            token_lifetime, certificate_bound, claims_profile, created_at, suspended_at, revision) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        const GROUP: &str = "INSERT INTO provider_groups (asid, urn) VALUES ($1, $2)";
        let asid = &provider.asid;
        in_revision!(self, |transaction, revision| {
            sqlx::query(PROVIDER)
                .bind(asid.as_str())
                .bind(provider.ods_code.as_str())
                .bind(provider.name.as_str())
                .bind(provider.service_root.as_str())
                .bind(provider.signing_algorithm.name())
                .bind(provider.token_lifetime.seconds())
                .bind(provider.certificate_bound)
                .bind(provider.claims_profile.name())
                .bind(provider.created_at.0)
                .bind(provider.status.suspended_at().map(|at| at.0))
                .bind(revision)
                .execute(&mut *transaction)
                .await
                .map_err(|error| of_insert(error, provider))?;
            for group in &provider.groups {
                let inserted = sqlx::query(GROUP).bind(asid.as_str()).bind(group.as_str());
                let inserted = inserted.execute(&mut *transaction).await;
                inserted.map_err(|error| StorageError::of_insert(error, ("group", group), ("group", group)))?;
            }
        })
    }

    /// Suspends or resumes a provider; [`StorageError::NotFound`] when there is none.
    pub async fn set_provider_status(&self, asid: &Asid, status: RegistrationStatus) -> Result<(), StorageError> {
        in_revision!(self, |transaction, revision| {
            let changed = sqlx::query("UPDATE providers SET suspended_at = $1, revision = $2 WHERE asid = $3")
                .bind(status.suspended_at().map(|at| at.0))
                .bind(revision)
                .bind(asid.as_str())
                .execute(&mut *transaction)
                .await?;
            if changed.rows_affected() == 0 {
                return Err(StorageError::not_found("provider", asid));
            }
        })
    }

    /// The provider of that ASID.
    pub async fn find_provider(&self, asid: &Asid) -> Result<Option<ProviderSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_providers!(transaction, NAMED, asid.as_str()).pop())
    }

    /// All providers in the order of their ASIDs.
    pub async fn list_providers(&self) -> Result<Vec<ProviderSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_providers!(transaction, CHANGED_SINCE, 0_i64))
    }
}

/// Both databases name the column, or a constraint that has the column's name in it.
fn of_insert(error: sqlx::Error, provider: &ProviderSystem) -> StorageError {
    let is_root = error.as_database_error().is_some_and(|error| error.message().contains("service_root"));
    let unique: (&str, &dyn Display) = match is_root {
        true => ("provider with service root", &provider.service_root),
        false => ("provider", &provider.asid),
    };
    StorageError::of_insert(error, unique, ("provider", &provider.asid))
}

type ProviderRow = (String, String, String, String, String, i64, bool, String, i64, Option<i64>);

/// Providers while their rows come in.
pub(super) struct ProviderRows(pub(super) Owners<ProviderSystem>);

impl Default for ProviderRows {
    fn default() -> Self {
        Self(Owners::new("provider", |provider| provider.asid.as_str()))
    }
}

impl ProviderRows {
    pub(super) fn provider(&mut self, row: ProviderRow) -> Result<(), StorageError> {
        let (asid, ods_code, name, root, algorithm, lifetime, certificate_bound, profile, created_at, suspended_at) =
            row;
        let corrupt = |error: &dyn Display| StorageError::corrupt("provider", &asid, error);
        self.0.push(ProviderSystem {
            asid: Asid::parse(&asid).map_err(|error| corrupt(&error))?,
            ods_code: OdsCode::parse(&ods_code).map_err(|error| corrupt(&error))?,
            name: name.parse().map_err(|error: InvalidDisplayName| corrupt(&error))?,
            service_root: ServiceRoot::parse(&root).map_err(|error| corrupt(&error))?,
            signing_algorithm: Algorithm::parse(&algorithm).map_err(|error| corrupt(&error))?,
            token_lifetime: TokenLifetime::from_seconds(lifetime).map_err(|error| corrupt(&error))?,
            certificate_bound,
            claims_profile: profile.parse().map_err(|error: String| corrupt(&error))?,
            groups: Default::default(),
            status: RegistrationStatus::suspended_since(suspended_at.map(UnixTime)),
            created_at: UnixTime(created_at),
        });
        Ok(())
    }

    pub(super) fn group(&mut self, (asid, urn): (String, String)) -> Result<(), StorageError> {
        let group = Group::parse(&urn).map_err(|error| StorageError::corrupt("provider", &asid, error))?;
        self.0.owner(&asid)?.groups.insert(group);
        Ok(())
    }
}

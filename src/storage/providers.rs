//! Providers: rows ↔ [`ProviderSystem`].

use std::fmt::Display;

use careconnect_verifier::{Algorithm, Asid, Group, OdsCode, OrganisationType};

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
    connection::LONG,
    credentials::{Columns, certificate_of},
    ordered_merge::Owners,
};
use crate::{
    clock::UnixTime,
    domain::{
        HonouredGroup, ProviderSystem, RegisteredCertificate, RegistrationStatus, ServiceRoot, TokenLifetime,
        display_name::InvalidDisplayName,
    },
};

/// The four queries that read the providers whose ASID satisfies `$condition`, all in the same order.
macro_rules! providers_where {
    ($condition:literal) => {
        [
            concat!(
                "SELECT asid, ods_code, name, service_root, signing_algorithm, token_lifetime, certificate_bound, \
                 claims_profile, created_at, suspended_at, retired_at FROM providers WHERE asid ",
                $condition,
                " ORDER BY asid"
            ),
            concat!("SELECT asid, urn, suspended_at FROM provider_groups WHERE asid ", $condition, " ORDER BY asid"),
            concat!(
                "SELECT asid, urn, kind, value FROM provider_group_limits WHERE asid ",
                $condition,
                " ORDER BY asid"
            ),
            concat!(
                "SELECT asid, kind, value, environment, issuer_key FROM provider_certificates WHERE asid ",
                $condition,
                " ORDER BY asid"
            ),
        ]
    };
}

const NAMED: [&str; 4] = providers_where!("= $1");
/// As many as [`Database::providers_after`] gives at once.
const AFTER: [&str; 4] = providers_where!("IN (SELECT asid FROM providers WHERE asid > $1 ORDER BY asid LIMIT 200)");
pub(super) const CHANGED_SINCE: [&str; 4] = providers_where!("IN (SELECT asid FROM providers WHERE revision > $1)");

/// Reads providers by four queries, however many providers they are.
macro_rules! read_providers {
    ($connection:expr, $queries:expr, $parameter:expr) => {{
        let mut read = crate::storage::providers::ProviderRows::default();
        let [providers, groups, limits, certificates] = $queries;
        for_each_row!($connection, providers, $parameter, |row| read.provider(row));
        read.0.rewind();
        for_each_row!($connection, groups, $parameter, |row| read.group(row));
        read.0.rewind();
        for_each_row!($connection, limits, $parameter, |row| read.limit(row));
        read.0.rewind();
        for_each_row!($connection, certificates, $parameter, |row| read.certificate(row));
        read.0.into_vec()
    }};
}
pub(super) use read_providers;

impl Change {
    /// The provider of that ASID.
    pub async fn provider(&mut self, asid: &Asid) -> Result<Option<ProviderSystem>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.providers.get(asid).cloned());
        }
        in_change!(self, |connection| Ok(read_providers!(connection, NAMED, asid.as_str()).pop()))
    }

    /// All providers in the order of their ASIDs.
    pub async fn providers(&mut self) -> Result<Vec<ProviderSystem>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.providers.values().cloned().collect());
        }
        in_change!(self, LONG, |connection| Ok(read_providers!(connection, CHANGED_SINCE, 0_i64)))
    }

    /// Keeps a new provider, or what became of `before`.
    ///
    /// [`StorageError::AlreadyExists`] for a known ASID or service root, [`StorageError::UnknownReference`] for a group
    /// that is not registered.
    pub async fn put_provider(
        &mut self,
        before: Option<&ProviderSystem>,
        after: &ProviderSystem,
    ) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO providers (ods_code, name, service_root, signing_algorithm, token_lifetime, \
            certificate_bound, claims_profile, created_at, suspended_at, retired_at, revision, asid) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        const UPDATE: &str = "UPDATE providers SET ods_code = $1, name = $2, service_root = $3, signing_algorithm = $4, \
            token_lifetime = $5, certificate_bound = $6, claims_profile = $7, created_at = $8, suspended_at = $9, \
            retired_at = $10, revision = $11 WHERE asid = $12";
        self.held.as_mut().map_or(Ok(()), |held| held.put_provider(before, after))?;
        let revision = self.revision;
        in_writing!(self, |connection| {
            let written = sqlx::query(if before.is_some() { UPDATE } else { INSERT })
                .bind(after.ods_code.as_str())
                .bind(after.name.as_str())
                .bind(after.service_root.as_str())
                .bind(after.signing_algorithm.name())
                .bind(after.token_lifetime.seconds())
                .bind(after.certificate_bound)
                .bind(after.claims_profile.name())
                .bind(after.created_at.0)
                .bind(after.status.suspended_at().map(|at| at.0))
                .bind(after.status.retired_at().map(|at| at.0))
                .bind(revision)
                .bind(after.asid.as_str())
                .execute(connection)
                .await;
            written.map(|_| ()).map_err(|error| of_insert(error, after))
        })?;
        if before.is_none_or(|before| before.groups != after.groups) {
            self.put_groups_of(after).await?;
        }
        if before.map_or(&[][..], |before| &before.certificates) != after.certificates {
            self.put_certificates_of(after).await?;
        }
        self.note(before, after);
        Ok(())
    }

    async fn put_certificates_of(&mut self, provider: &ProviderSystem) -> Result<(), StorageError> {
        const INSERT: &str = "INSERT INTO provider_certificates (asid, kind, value, environment, issuer_key) \
            VALUES ($1, $2, $3, $4, $5)";
        let asid = provider.asid.as_str();
        in_writing!(self, |connection| {
            let forget = sqlx::query("DELETE FROM provider_certificates WHERE asid = $1").bind(asid);
            forget.execute(&mut *connection).await?;
            for held in &provider.certificates {
                let Columns { value, environment, issuer_key } = Columns::of_certificate(held);
                let inserted = sqlx::query(INSERT).bind(asid).bind(held.identity.kind()).bind(value);
                inserted.bind(environment).bind(issuer_key).execute(&mut *connection).await?;
            }
            Ok(())
        })
    }

    async fn put_groups_of(&mut self, provider: &ProviderSystem) -> Result<(), StorageError> {
        const GROUP: &str = "INSERT INTO provider_groups (asid, urn, suspended_at) VALUES ($1, $2, $3)";
        const LIMIT: &str = "INSERT INTO provider_group_limits (asid, urn, kind, value) VALUES ($1, $2, $3, $4)";
        let asid = provider.asid.as_str();
        in_writing!(self, |connection| {
            for old in
                ["DELETE FROM provider_group_limits WHERE asid = $1", "DELETE FROM provider_groups WHERE asid = $1"]
            {
                sqlx::query(old).bind(asid).execute(&mut *connection).await?;
            }
            for (group, honoured) in &provider.groups {
                let suspended_at = honoured.suspended_at.map(|at| at.0);
                let inserted = sqlx::query(GROUP).bind(asid).bind(group.as_str()).bind(suspended_at);
                let inserted = inserted.execute(&mut *connection).await;
                inserted.map_err(|error| StorageError::of_insert(error, ("group", group), ("group", group)))?;
                for (kind, value) in limits_of(honoured) {
                    let limit = sqlx::query(LIMIT).bind(asid).bind(group.as_str()).bind(kind).bind(value);
                    limit.execute(&mut *connection).await?;
                }
            }
            Ok(())
        })
    }
}

impl Database {
    /// The provider of that ASID.
    pub async fn find_provider(&self, asid: &Asid) -> Result<Option<ProviderSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_providers!(transaction, NAMED, asid.as_str()).pop())
    }

    /// The next providers after that ASID, which may be empty, in the order of their ASIDs; none behind the last.
    pub async fn providers_after(&self, asid: &str) -> Result<Vec<ProviderSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_providers!(transaction, AFTER, asid))
    }

    /// All providers in the order of their ASIDs.
    pub async fn list_providers(&self) -> Result<Vec<ProviderSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_providers!(transaction, CHANGED_SINCE, 0_i64))
    }
}

const ORGANISATION_TYPE: &str = "organisation_type";
const ODS_CODE: &str = "ods_code";
const ASID: &str = "asid";

fn limits_of(honoured: &HonouredGroup) -> impl Iterator<Item = (&'static str, &str)> {
    let types = honoured.organisation_types.iter().map(|kind| (ORGANISATION_TYPE, kind.as_str()));
    let codes = honoured.ods_codes.iter().map(|code| (ODS_CODE, code.as_str()));
    types.chain(codes).chain(honoured.asids.iter().map(|asid| (ASID, asid.as_str())))
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

/// ASID, ODS code, name, service root, algorithm, lifetime, binding, profile, times of registration, suspension and
/// retirement.
type ProviderRow = (String, String, String, String, String, i64, bool, String, i64, Option<i64>, Option<i64>);

/// Providers while their rows come in.
pub(super) struct ProviderRows(pub(super) Owners<ProviderSystem>);

impl Default for ProviderRows {
    fn default() -> Self {
        Self(Owners::new("provider", |provider| provider.asid.as_str()))
    }
}

impl ProviderRows {
    pub(super) fn provider(&mut self, row: ProviderRow) -> Result<(), StorageError> {
        let (
            asid,
            ods_code,
            name,
            root,
            algorithm,
            lifetime,
            certificate_bound,
            profile,
            created_at,
            suspended,
            retired,
        ) = row;
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
            certificates: Vec::new(),
            status: RegistrationStatus::of(suspended.map(UnixTime), retired.map(UnixTime)),
            created_at: UnixTime(created_at),
        });
        Ok(())
    }

    pub(super) fn group(&mut self, row: (String, String, Option<i64>)) -> Result<(), StorageError> {
        let (asid, urn, suspended_at) = row;
        let group = Group::parse(&urn).map_err(|error| StorageError::corrupt("provider", &asid, error))?;
        let honoured = HonouredGroup { suspended_at: suspended_at.map(UnixTime), ..HonouredGroup::default() };
        self.0.owner(&asid)?.groups.insert(group, honoured);
        Ok(())
    }

    pub(super) fn certificate(
        &mut self,
        row: (String, String, String, Option<String>, Option<String>),
    ) -> Result<(), StorageError> {
        let (asid, kind, value, environment, issuer) = row;
        let read = certificate_of(&kind, &value, environment.as_deref(), issuer.as_deref());
        let read = read.map_err(|error| StorageError::corrupt("provider", &asid, error))?;
        let held = &mut self.0.owner(&asid)?.certificates;
        held.push(read);
        *held = RegisteredCertificate::in_order(std::mem::take(held));
        Ok(())
    }

    pub(super) fn limit(&mut self, row: (String, String, String, String)) -> Result<(), StorageError> {
        let (asid, urn, kind, value) = row;
        let corrupt = |error: &dyn Display| StorageError::corrupt("provider", &asid, error);
        let group = Group::parse(&urn).map_err(|error| corrupt(&error))?;
        let provider = self.0.owner(&asid)?;
        let Some(honoured) = provider.groups.get_mut(&group) else { return Err(corrupt(&"a limit without its group")) };
        match kind.as_str() {
            ORGANISATION_TYPE => {
                let kind = OrganisationType::parse(&value).map_err(|error| corrupt(&error))?;
                honoured.organisation_types.insert(kind);
            }
            ODS_CODE => {
                honoured.ods_codes.insert(OdsCode::parse(&value).map_err(|error| corrupt(&error))?);
            }
            ASID => {
                honoured.asids.insert(Asid::parse(&value).map_err(|error| corrupt(&error))?);
            }
            _ => return Err(corrupt(&"a limit of an unknown kind")),
        }
        Ok(())
    }
}

//! Consumers: rows ↔ [`ConsumerSystem`].

use std::sync::Arc;

use careconnect_verifier::{Asid, ClientId, Group, OdsCode, OrganisationType};

use super::{
    Database, StorageError,
    credentials::{self, CredentialRow, insert_credential},
    ordered_merge::Owners,
};
use crate::{
    clock::UnixTime,
    domain::{ConsumerSystem, Organisation, RegistrationStatus, display_name::InvalidDisplayName},
};

/// The three queries that read the consumers whose client id satisfies `$condition`, all in the same order.
macro_rules! consumers_where {
    ($condition:literal) => {
        [
            concat!(
                "SELECT client_id, name, asid, ods_code, organisation_type, accepts_token_endpoint_audience, \
                 requests_per_minute, created_at, suspended_at FROM consumers WHERE client_id ",
                $condition,
                " ORDER BY client_id"
            ),
            concat!("SELECT client_id, urn FROM consumer_groups WHERE client_id ", $condition, " ORDER BY client_id"),
            concat!(
                "SELECT client_id, id, label, kind, value, environment, issuer_key, starts_at, ends_at FROM credentials \
                 WHERE client_id ",
                $condition,
                " ORDER BY client_id, starts_at, id"
            ),
        ]
    };
}

const NAMED: [&str; 3] = consumers_where!("= $1");
/// From the empty text on, which is before every client id.
pub(super) const FROM: [&str; 3] = consumers_where!(">= $1");
/// The condition is on the id even here: else SQLite walks through all consumers for the sake of their order.
pub(super) const CHANGED_SINCE: [&str; 3] =
    consumers_where!("IN (SELECT client_id FROM consumers WHERE revision > $1)");

/// Reads consumers by three queries, however many consumers they are.
macro_rules! read_consumers {
    ($connection:expr, $queries:expr, $parameter:expr) => {{
        let mut read = crate::storage::consumers::ConsumerRows::default();
        let [consumers, groups, credentials] = $queries;
        for_each_row!($connection, consumers, $parameter, |row| read.consumer(row));
        read.0.rewind();
        for_each_row!($connection, groups, $parameter, |row| read.group(row));
        read.0.rewind();
        for_each_row!($connection, credentials, $parameter, |row| read.credential(row));
        read.0.into_vec()
    }};
}
pub(super) use read_consumers;

impl Database {
    /// Keeps a new consumer with its groups and credentials.
    ///
    /// [`StorageError::AlreadyExists`] for a known client id, [`StorageError::UnknownReference`] for a group or an
    /// organisation type that is not registered; nothing is written then.
    pub async fn insert_consumer(&self, consumer: &ConsumerSystem) -> Result<(), StorageError> {
        const CONSUMER: &str = "INSERT INTO consumers \
            (client_id, name, asid, ods_code, organisation_type, accepts_token_endpoint_audience, requests_per_minute, \
            created_at, suspended_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        const GROUP: &str = "INSERT INTO consumer_groups (client_id, urn) VALUES ($1, $2)";
        let ConsumerSystem { client_id, name, asid, organisation, groups, credentials, status, created_at, .. } =
            consumer;
        let kind = &organisation.organisation_type;
        in_revision!(self, |transaction, revision| {
            sqlx::query(CONSUMER)
                .bind(client_id.as_str())
                .bind(name.as_str())
                .bind(asid.as_str())
                .bind(organisation.ods_code.as_str())
                .bind(kind.as_str())
                .bind(consumer.accepts_token_endpoint_audience)
                .bind(consumer.requests_per_minute.map(i64::from))
                .bind(created_at.0)
                .bind(status.suspended_at().map(|at| at.0))
                .bind(revision)
                .execute(&mut *transaction)
                .await
                .map_err(|error| {
                    StorageError::of_insert(error, ("consumer", client_id), ("organisation type", kind))
                })?;
            for group in groups {
                let inserted = sqlx::query(GROUP).bind(client_id.as_str()).bind(group.as_str());
                let inserted = inserted.execute(&mut *transaction).await;
                inserted.map_err(|error| StorageError::of_insert(error, ("group", group), ("group", group)))?;
            }
            for credential in credentials {
                insert_credential!(transaction, client_id, credential, *created_at);
            }
        })
    }

    /// Suspends or resumes a consumer; [`StorageError::NotFound`] when there is none.
    pub async fn set_consumer_status(
        &self,
        client_id: &ClientId,
        status: RegistrationStatus,
    ) -> Result<(), StorageError> {
        in_revision!(self, |transaction, revision| {
            let changed = sqlx::query("UPDATE consumers SET suspended_at = $1, revision = $2 WHERE client_id = $3")
                .bind(status.suspended_at().map(|at| at.0))
                .bind(revision)
                .bind(client_id.as_str())
                .execute(&mut *transaction)
                .await?;
            if changed.rows_affected() == 0 {
                return Err(StorageError::not_found("consumer", client_id));
            }
        })
    }

    /// Changes what is given of how a consumer is treated; [`StorageError::NotFound`] when there is none.
    pub async fn change_consumer(
        &self,
        client_id: &ClientId,
        accepts_token_endpoint_audience: Option<bool>,
        requests_per_minute: Option<Option<u32>>,
    ) -> Result<(), StorageError> {
        const CHANGE: &str = "UPDATE consumers SET revision = $1, \
            accepts_token_endpoint_audience = COALESCE($2, accepts_token_endpoint_audience), \
            requests_per_minute = CASE WHEN $3 THEN $4 ELSE requests_per_minute END WHERE client_id = $5";
        in_revision!(self, |transaction, revision| {
            let changed = sqlx::query(CHANGE)
                .bind(revision)
                .bind(accepts_token_endpoint_audience)
                .bind(requests_per_minute.is_some())
                .bind(requests_per_minute.flatten().map(i64::from))
                .bind(client_id.as_str())
                .execute(&mut *transaction)
                .await?;
            if changed.rows_affected() == 0 {
                return Err(StorageError::not_found("consumer", client_id));
            }
        })
    }

    /// The consumer of that client id; its credentials in the order of their start.
    pub async fn find_consumer(&self, client_id: &ClientId) -> Result<Option<ConsumerSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_consumers!(transaction, NAMED, client_id.as_str()).pop())
    }

    /// All consumers in the order of their client ids.
    pub async fn list_consumers(&self) -> Result<Vec<ConsumerSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_consumers!(transaction, FROM, ""))
    }
}

type ConsumerRow = (String, String, String, String, String, bool, Option<i64>, i64, Option<i64>);

/// Consumers while their rows come in.
pub(super) struct ConsumerRows(pub(super) Owners<ConsumerSystem>);

impl Default for ConsumerRows {
    fn default() -> Self {
        Self(Owners::new("consumer", |consumer| consumer.client_id.as_str()))
    }
}

impl ConsumerRows {
    pub(super) fn consumer(&mut self, row: ConsumerRow) -> Result<(), StorageError> {
        let (client_id, name, asid, ods_code, organisation_type, token_endpoint, per_minute, created_at, suspended_at) =
            row;
        let corrupt = |error| StorageError::corrupt("consumer", &client_id, error);
        self.0.push(ConsumerSystem {
            client_id: ClientId::parse(&client_id).map_err(corrupt)?,
            name: name
                .parse()
                .map_err(|error: InvalidDisplayName| StorageError::corrupt("consumer", &client_id, error))?,
            asid: Asid::parse(&asid).map_err(corrupt)?,
            organisation: Organisation {
                ods_code: OdsCode::parse(&ods_code).map_err(corrupt)?,
                organisation_type: OrganisationType::parse(&organisation_type).map_err(corrupt)?,
            },
            groups: Default::default(),
            credentials: Vec::new(),
            accepts_token_endpoint_audience: token_endpoint,
            requests_per_minute: per_minute
                .map(u32::try_from)
                .transpose()
                .map_err(|error| StorageError::corrupt("consumer", &client_id, error))?,
            status: RegistrationStatus::suspended_since(suspended_at.map(UnixTime)),
            created_at: UnixTime(created_at),
        });
        Ok(())
    }

    pub(super) fn group(&mut self, (client_id, urn): (String, String)) -> Result<(), StorageError> {
        let group = Group::parse(&urn).map_err(|error| StorageError::corrupt("consumer", &client_id, error))?;
        self.0.owner(&client_id)?.groups.insert(group);
        Ok(())
    }

    pub(super) fn credential(&mut self, row: CredentialRow) -> Result<(), StorageError> {
        let (client_id, credential) = credentials::read(row)?;
        let credentials = &mut self.0.owner(&client_id)?.credentials;
        credentials.reserve_exact(1); // most consumers have one
        credentials.push(Arc::new(credential));
        Ok(())
    }
}

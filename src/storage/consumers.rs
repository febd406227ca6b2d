//! Consumers: rows ↔ [`ConsumerSystem`].

use std::sync::Arc;

use careconnect_verifier::{Asid, ClientId, OdsCode, OrganisationType};

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
    connection::LONG,
    credentials::{self, CredentialRow},
    many_rows::insert,
    ordered_merge::Owners,
};
use crate::{
    clock::UnixTime,
    domain::{ConsumerSystem, Organisation, RegistrationStatus},
};

/// The two queries that read the consumers whose client id satisfies `$condition`, both in the same order.
macro_rules! consumers_where {
    ($condition:literal) => {
        [
            concat!(
                "SELECT client_id, name, asid, ods_code, organisation_type, COALESCE(supplier_ods_code, ods_code), \
                 product, product_version, party_key, accepts_token_endpoint_audience, requests_per_minute, created_at, \
                 suspended_at, retired_at FROM consumers WHERE client_id ",
                $condition,
                " ORDER BY client_id"
            ),
            concat!(
                "SELECT client_id, id, label, kind, value, environment, issuer_key, starts_at, ends_at FROM credentials \
                 WHERE client_id ",
                $condition,
                " ORDER BY client_id, starts_at, id"
            ),
        ]
    };
}

const NAMED: [&str; 2] = consumers_where!("= $1");
/// From the empty text on, which is before every client id.
pub(super) const FROM: [&str; 2] = consumers_where!(">= $1");
/// The condition is on the id even here: else SQLite walks through all consumers for the sake of their order.
pub(super) const CHANGED_SINCE: [&str; 2] =
    consumers_where!("IN (SELECT client_id FROM consumers WHERE revision > $1)");

pub(super) const INSERT: &str = "INSERT INTO consumers (name, asid, ods_code, organisation_type, supplier_ods_code, \
    product, product_version, party_key, accepts_token_endpoint_audience, requests_per_minute, created_at, suspended_at, \
    retired_at, revision, client_id)";
pub(super) const COLUMNS: usize = 15;

/// Binds a consumer's columns, in the order of [`INSERT`].
macro_rules! bind_consumer {
    ($query:expr, $consumer:expr, $revision:expr) => {
        $query
            .bind($consumer.name.as_str())
            .bind($consumer.asid.as_str())
            .bind($consumer.organisation.ods_code.as_str())
            .bind($consumer.organisation.organisation_type.as_str())
            .bind($consumer.supplier.as_str())
            .bind($consumer.product.as_ref().map(|product| product.as_str()))
            .bind($consumer.product_version.as_ref().map(|version| version.as_str()))
            .bind($consumer.party_key.as_ref().map(|key| key.as_str()))
            .bind($consumer.accepts_token_endpoint_audience)
            .bind($consumer.requests_per_minute.map(i64::from))
            .bind($consumer.created_at.0)
            .bind($consumer.status.suspended_at().map(|at| at.0))
            .bind($consumer.status.retired_at().map(|at| at.0))
            .bind($revision)
            .bind($consumer.client_id.as_str())
    };
}
pub(super) use bind_consumer;

/// Reads consumers by two queries, however many consumers they are.
macro_rules! read_consumers {
    ($connection:expr, $queries:expr, $parameter:expr) => {{
        let mut read = crate::storage::consumers::ConsumerRows::default();
        let [consumers, credentials] = $queries;
        for_each_row!($connection, consumers, $parameter, |row| read.consumer(row));
        read.0.rewind();
        for_each_row!($connection, credentials, $parameter, |row| read.credential(row));
        read.0.into_vec()
    }};
}
pub(super) use read_consumers;

/// A registration that holds an ASID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// `consumer` or `provider`.
    pub kind: String,
    /// Its client id or ASID.
    pub identifier: String,
    /// Its organisation.
    pub ods_code: String,
    /// What people call it.
    pub name: String,
}

impl Change {
    /// The consumer of that client id.
    pub async fn consumer(&mut self, client_id: &ClientId) -> Result<Option<ConsumerSystem>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.consumers.get(client_id).cloned());
        }
        in_change!(self, |connection| Ok(read_consumers!(connection, NAMED, client_id.as_str()).pop()))
    }

    /// The registrations by which another organisation than `ods_code` holds the ASID.
    pub async fn other_holders(&mut self, asid: &Asid, ods_code: &OdsCode) -> Result<Vec<Holder>, StorageError> {
        const HOLDERS: &str = "SELECT 'consumer', client_id, ods_code, name FROM consumers \
            WHERE asid = $1 AND ods_code <> $2 AND retired_at IS NULL \
            UNION ALL SELECT 'provider', asid, ods_code, name FROM providers \
            WHERE asid = $1 AND ods_code <> $2 AND retired_at IS NULL";
        if let Some(held) = &self.held {
            return Ok(held.other_holders(asid, ods_code));
        }
        in_change!(self, |connection| {
            let holders = sqlx::query_as(HOLDERS).bind(asid.as_str()).bind(ods_code.as_str());
            let rows: Vec<(String, String, String, String)> = holders.fetch_all(connection).await?;
            let holder = |(kind, identifier, ods_code, name)| Holder { kind, identifier, ods_code, name };
            Ok(rows.into_iter().map(holder).collect())
        })
    }

    /// All consumers in the order of their client ids.
    pub async fn consumers(&mut self) -> Result<Vec<ConsumerSystem>, StorageError> {
        if let Some(held) = &self.held {
            return Ok(held.consumers.values().cloned().collect());
        }
        in_change!(self, LONG, |connection| Ok(read_consumers!(connection, FROM, "")))
    }

    /// Keeps a new consumer, or what became of `before`.
    ///
    /// [`StorageError::AlreadyExists`] for a known client id, [`StorageError::UnknownReference`] for an organisation type
    /// that is not registered.
    pub async fn put_consumer(
        &mut self,
        before: Option<&ConsumerSystem>,
        after: &ConsumerSystem,
    ) -> Result<(), StorageError> {
        let waits = self.held.as_mut().map(|held| held.put_consumer(before, after)).transpose()?;
        if waits != Some(true) {
            self.write_consumer(before, after).await?;
        }
        self.note(before, after);
        Ok(())
    }

    async fn write_consumer(
        &mut self,
        before: Option<&ConsumerSystem>,
        after: &ConsumerSystem,
    ) -> Result<(), StorageError> {
        const UPDATE: &str = "UPDATE consumers SET name = $1, asid = $2, ods_code = $3, organisation_type = $4, \
            supplier_ods_code = $5, product = $6, product_version = $7, party_key = $8, \
            accepts_token_endpoint_audience = $9, requests_per_minute = $10, created_at = $11, suspended_at = $12, \
            retired_at = $13, revision = $14 WHERE client_id = $15";
        let (revision, kind) = (self.revision, &after.organisation.organisation_type);
        let one = || insert(INSERT, 1, COLUMNS, "");
        in_writing!(self, |connection| {
            let query = before.map_or_else(|| sqlx::query(one()), |_| sqlx::query(UPDATE));
            let written = bind_consumer!(query, after, revision).execute(connection).await;
            written.map(|_| ()).map_err(|error| {
                StorageError::of_insert(error, ("consumer", &after.client_id), ("organisation type", kind))
            })
        })?;
        let held = before.map_or(&[][..], |before| &before.credentials);
        credentials::put_credentials(self, &after.client_id, held, &after.credentials).await
    }
}

impl Database {
    /// The consumer of that client id; its credentials in the order of their start.
    pub async fn find_consumer(&self, client_id: &ClientId) -> Result<Option<ConsumerSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_consumers!(transaction, NAMED, client_id.as_str()).pop())
    }

    /// All consumers in the order of their client ids.
    pub async fn list_consumers(&self) -> Result<Vec<ConsumerSystem>, StorageError> {
        in_snapshot!(self, |transaction| read_consumers!(transaction, FROM, ""))
    }
}

/// Client id, name, ASID, ODS code, type, supplier, product, version, party key, token endpoint as audience, rate, times of
/// registration, suspension and retirement.
type ConsumerRow = (
    String,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    bool,
    Option<i64>,
    i64,
    Option<i64>,
    Option<i64>,
);

/// Consumers while their rows come in.
pub(super) struct ConsumerRows(pub(super) Owners<ConsumerSystem>);

impl Default for ConsumerRows {
    fn default() -> Self {
        Self(Owners::new("consumer", |consumer| consumer.client_id.as_str()))
    }
}

impl ConsumerRows {
    pub(super) fn consumer(&mut self, row: ConsumerRow) -> Result<(), StorageError> {
        let client_id = row.0.clone();
        let read = consumer_of(row).map_err(|error| StorageError::corrupt("consumer", &client_id, error))?;
        self.0.push(read);
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

fn consumer_of(row: ConsumerRow) -> Result<ConsumerSystem, Box<dyn std::error::Error>> {
    let (client_id, name, asid, ods_code, kind, supplier, product, version, party_key, .., suspended_at, retired_at) =
        &row;
    let (.., token_endpoint, per_minute, created_at, _, _) = &row;
    Ok(ConsumerSystem {
        client_id: ClientId::parse(client_id)?,
        name: name.parse()?,
        asid: Asid::parse(asid)?,
        organisation: Organisation {
            ods_code: OdsCode::parse(ods_code)?,
            organisation_type: OrganisationType::parse(kind)?,
        },
        supplier: OdsCode::parse(supplier)?,
        product: product.as_deref().map(str::parse).transpose()?,
        product_version: version.as_deref().map(str::parse).transpose()?,
        party_key: party_key.as_deref().map(str::parse).transpose()?,
        credentials: Vec::new(),
        accepts_token_endpoint_audience: *token_endpoint,
        requests_per_minute: per_minute.map(u32::try_from).transpose()?,
        status: RegistrationStatus::of(suspended_at.map(UnixTime), retired_at.map(UnixTime)),
        created_at: UnixTime(*created_at),
    })
}

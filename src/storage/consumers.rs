//! Consumers: rows ↔ [`ConsumerSystem`].

use std::sync::Arc;

use careconnect_verifier::{Asid, ClientId, OdsCode, OrganisationType};

use super::{
    Database, StorageError,
    change::{Change, in_change},
    credentials::{self, CredentialRow},
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
        in_change!(self, |connection| Ok(read_consumers!(connection, NAMED, client_id.as_str()).pop()))
    }

    /// The registrations by which another organisation than `ods_code` holds the ASID.
    pub async fn other_holders(&mut self, asid: &Asid, ods_code: &OdsCode) -> Result<Vec<Holder>, StorageError> {
        const HOLDERS: &str = "SELECT 'consumer', client_id, ods_code, name FROM consumers \
            WHERE asid = $1 AND ods_code <> $2 AND retired_at IS NULL \
            UNION ALL SELECT 'provider', asid, ods_code, name FROM providers \
            WHERE asid = $1 AND ods_code <> $2 AND retired_at IS NULL";
        in_change!(self, |connection| {
            let holders = sqlx::query_as(HOLDERS).bind(asid.as_str()).bind(ods_code.as_str());
            let rows: Vec<(String, String, String, String)> = holders.fetch_all(connection).await?;
            let holder = |(kind, identifier, ods_code, name)| Holder { kind, identifier, ods_code, name };
            Ok(rows.into_iter().map(holder).collect())
        })
    }

    /// All consumers in the order of their client ids.
    pub async fn consumers(&mut self) -> Result<Vec<ConsumerSystem>, StorageError> {
        in_change!(self, |connection| Ok(read_consumers!(connection, FROM, "")))
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
        const INSERT: &str = "INSERT INTO consumers (name, asid, ods_code, organisation_type, supplier_ods_code, product, \
            product_version, party_key, accepts_token_endpoint_audience, requests_per_minute, created_at, suspended_at, \
            retired_at, revision, client_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
        const UPDATE: &str = "UPDATE consumers SET name = $1, asid = $2, ods_code = $3, organisation_type = $4, \
            supplier_ods_code = $5, product = $6, product_version = $7, party_key = $8, \
            accepts_token_endpoint_audience = $9, requests_per_minute = $10, created_at = $11, suspended_at = $12, \
            retired_at = $13, revision = $14 WHERE client_id = $15";
        let (revision, kind) = (self.revision, &after.organisation.organisation_type);
        in_change!(self, |connection| {
            let written = sqlx::query(if before.is_some() { UPDATE } else { INSERT })
                .bind(after.name.as_str())
                .bind(after.asid.as_str())
                .bind(after.organisation.ods_code.as_str())
                .bind(kind.as_str())
                .bind(after.supplier.as_str())
                .bind(after.product.as_ref().map(|product| product.as_str()))
                .bind(after.product_version.as_ref().map(|version| version.as_str()))
                .bind(after.party_key.as_ref().map(|key| key.as_str()))
                .bind(after.accepts_token_endpoint_audience)
                .bind(after.requests_per_minute.map(i64::from))
                .bind(after.created_at.0)
                .bind(after.status.suspended_at().map(|at| at.0))
                .bind(after.status.retired_at().map(|at| at.0))
                .bind(revision)
                .bind(after.client_id.as_str())
                .execute(connection)
                .await;
            written.map(|_| ()).map_err(|error| {
                StorageError::of_insert(error, ("consumer", &after.client_id), ("organisation type", kind))
            })
        })?;
        let held = before.map_or(&[][..], |before| &before.credentials);
        credentials::put_credentials(self, &after.client_id, held, &after.credentials).await?;
        self.note(before, after);
        Ok(())
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

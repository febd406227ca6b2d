//! Credentials: rows ↔ [`Credential`], one by one once a consumer is registered, and when each was used last.

use std::sync::Arc;

use careconnect_verifier::ClientId;
use uuid::Uuid;

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
    many_rows::insert as insert_rows,
};
use crate::{
    clock::UnixTime,
    domain::{
        CertificateIdentity, ClientKey, Credential, CredentialId, CredentialKind, KeySetUri, RegisteredCertificate,
        SecretHash, certificate_identity::InvalidCertificateIdentity,
    },
};

pub(super) const INSERT: &str = "INSERT INTO credentials \
    (id, client_id, label, kind, value, environment, issuer_key, starts_at, ends_at, created_at)";
pub(super) const COLUMNS: usize = 10;

/// Binds a credential's columns, in the order of [`INSERT`].
macro_rules! bind_credential {
    ($query:expr, $client_id:expr, $credential:expr, $now:expr) => {{
        let columns = Columns::of(&$credential.kind);
        $query
            .bind($credential.id.0)
            .bind($client_id.as_str())
            .bind(&$credential.label)
            .bind($credential.kind.name())
            .bind(columns.value)
            .bind(columns.environment)
            .bind(columns.issuer_key)
            .bind($credential.starts_at.0)
            .bind($credential.ends_at.map(|end| end.0))
            .bind($now.0)
    }};
}
pub(super) use bind_credential;

/// Keeps those of `credentials` that are not `held` yet, and what has changed of the others. None is ever deleted.
pub(super) async fn put_credentials(
    change: &mut Change,
    client_id: &ClientId,
    held: &[Arc<Credential>],
    credentials: &[Arc<Credential>],
) -> Result<(), StorageError> {
    let now = change.act().at;
    for credential in credentials {
        match held.iter().find(|held| held.id == credential.id) {
            None => insert(change, client_id, credential, now).await?,
            Some(held) if held != credential => update(change, client_id, credential).await?,
            Some(_) => {}
        }
    }
    Ok(())
}

async fn insert(
    change: &mut Change,
    client_id: &ClientId,
    credential: &Credential,
    now: UnixTime,
) -> Result<(), StorageError> {
    let id = credential.id.0;
    in_writing!(change, |connection| {
        let query = sqlx::query(insert_rows(INSERT, 1, COLUMNS, ""));
        let inserted = bind_credential!(query, client_id, credential, now).execute(connection).await;
        let failed = |error| StorageError::of_insert(error, ("credential", &id), ("consumer", client_id));
        inserted.map(|_| ()).map_err(failed)
    })
}

async fn update(change: &mut Change, client_id: &ClientId, credential: &Credential) -> Result<(), StorageError> {
    const UPDATE: &str =
        "UPDATE credentials SET label = $1, starts_at = $2, ends_at = $3 WHERE id = $4 AND client_id = $5";
    in_writing!(change, |connection| {
        sqlx::query(UPDATE)
            .bind(&credential.label)
            .bind(credential.starts_at.0)
            .bind(credential.ends_at.map(|end| end.0))
            .bind(credential.id.0)
            .bind(client_id.as_str())
            .execute(connection)
            .await?;
        Ok(())
    })
}

/// When a credential was used last, to within a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialUse {
    /// Which.
    pub credential: CredentialId,
    /// When.
    pub last_used_at: UnixTime,
    /// The last second of the certificate that was shown then, if one was.
    pub certificate_ends_at: Option<UnixTime>,
}

impl Database {
    /// Keeps when credentials were used last; an older time than the one that is known changes nothing. No reader of the
    /// register sees this, so it takes no revision.
    pub async fn record_uses(&self, uses: &[CredentialUse]) -> Result<(), StorageError> {
        const UPSERT: &str = "INSERT INTO credential_uses (credential_id, last_used_at, certificate_ends_at) \
            VALUES ($1, $2, $3) ON CONFLICT (credential_id) DO UPDATE \
            SET last_used_at = excluded.last_used_at, certificate_ends_at = excluded.certificate_ends_at \
            WHERE credential_uses.last_used_at < excluded.last_used_at";
        on_connection!(self, writer, super::connection::SHORT, |connection, _pools| {
            let mut transaction = sqlx::Connection::begin(connection).await?;
            for used in uses {
                sqlx::query(UPSERT)
                    .bind(used.credential.0)
                    .bind(used.last_used_at.0)
                    .bind(used.certificate_ends_at.map(|end| end.0))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(())
        })
    }

    /// When each credential of a consumer was used last, as far as it was.
    pub async fn list_uses_of(&self, client_id: &ClientId) -> Result<Vec<CredentialUse>, StorageError> {
        const OF_CONSUMER: &str = "SELECT credential_id, last_used_at, certificate_ends_at FROM credential_uses \
            WHERE credential_id IN (SELECT id FROM credentials WHERE client_id = $1) ORDER BY credential_id";
        in_snapshot!(self, |transaction| {
            let mut uses = Vec::new();
            for_each_row!(transaction, OF_CONSUMER, client_id.as_str(), |row| {
                uses.push(use_of(row));
                Ok::<_, StorageError>(())
            });
            uses
        })
    }

    /// When each credential was used last, as far as it was.
    pub async fn list_uses(&self) -> Result<Vec<CredentialUse>, StorageError> {
        const ALL: &str = "SELECT credential_id, last_used_at, certificate_ends_at FROM credential_uses \
            WHERE last_used_at > $1 ORDER BY credential_id";
        in_snapshot!(self, |transaction| {
            let mut uses = Vec::new();
            for_each_row!(transaction, ALL, i64::MIN, |row| {
                uses.push(use_of(row));
                Ok::<_, StorageError>(())
            });
            uses
        })
    }
}

fn use_of((id, last_used_at, certificate_ends_at): (Uuid, i64, Option<i64>)) -> CredentialUse {
    CredentialUse {
        credential: CredentialId(id),
        last_used_at: UnixTime(last_used_at),
        certificate_ends_at: certificate_ends_at.map(UnixTime),
    }
}

/// The columns that say what proves a credential.
pub(super) struct Columns {
    pub(super) value: String,
    pub(super) environment: Option<String>,
    pub(super) issuer_key: Option<String>,
}

impl Columns {
    pub(super) fn of(kind: &CredentialKind) -> Self {
        let only = |value| Self { value, environment: None, issuer_key: None };
        match kind {
            CredentialKind::Secret(hash) => only(hash.as_str().to_owned()),
            CredentialKind::Key(key) => only(key.as_jwk().to_owned()),
            CredentialKind::KeySet(uri) => only(uri.as_str().to_owned()),
            CredentialKind::Certificate(certificate) => Self::of_certificate(certificate),
        }
    }

    pub(super) fn of_certificate(certificate: &RegisteredCertificate) -> Self {
        Self {
            value: certificate.identity.value(),
            environment: certificate.environment.as_ref().map(ToString::to_string),
            issuer_key: certificate.issuer.map(|issuer| issuer.to_string()),
        }
    }
}

/// Owner, id, label, kind, value, environment, issuer's key, start, end.
pub(super) type CredentialRow =
    (String, Uuid, String, String, String, Option<String>, Option<String>, i64, Option<i64>);

/// Gives the owner's client id with the credential.
pub(super) fn read(row: CredentialRow) -> Result<(String, Credential), StorageError> {
    let (client_id, id, label, kind, value, environment, issuer, starts_at, ends_at) = row;
    let kind = kind_of(&kind, &value, environment.as_deref(), issuer.as_deref());
    let kind = kind.map_err(|error| StorageError::corrupt("credential", id, error))?;
    let (starts_at, ends_at) = (UnixTime(starts_at), ends_at.map(UnixTime));
    Ok((client_id, Credential { id: CredentialId(id), label, kind, starts_at, ends_at }))
}

fn kind_of(
    kind: &str,
    value: &str,
    environment: Option<&str>,
    issuer: Option<&str>,
) -> Result<CredentialKind, Box<dyn std::error::Error>> {
    Ok(match kind {
        "secret" => CredentialKind::Secret(SecretHash::new(value)),
        "key" => CredentialKind::Key(ClientKey::from_jwk(value)?),
        "key_set" => CredentialKind::KeySet(value.parse::<KeySetUri>()?),
        kind => CredentialKind::Certificate(certificate_of(kind, value, environment, issuer)?),
    })
}

/// A certificate of its columns.
pub(super) fn certificate_of(
    kind: &str,
    value: &str,
    environment: Option<&str>,
    issuer: Option<&str>,
) -> Result<RegisteredCertificate, InvalidCertificateIdentity> {
    Ok(RegisteredCertificate {
        identity: CertificateIdentity::parse(kind, value)?,
        environment: environment.map(str::parse).transpose()?,
        issuer: issuer.map(str::parse).transpose()?,
    })
}

//! Credentials: rows ↔ [`Credential`], one by one once a consumer is registered, and when each was used last.

use careconnect_verifier::ClientId;
use uuid::Uuid;

use super::{Database, StorageError};
use crate::{
    clock::UnixTime,
    domain::{
        CertificateIdentity, ClientKey, Credential, CredentialId, CredentialKind, KeySetUri, RegisteredCertificate,
        SecretHash,
    },
};

const INSERT: &str = "INSERT INTO credentials \
    (id, client_id, label, kind, value, environment, issuer_key, starts_at, ends_at, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Writes one credential in a transaction that has its revision.
macro_rules! insert_credential {
    ($transaction:expr, $client_id:expr, $credential:expr, $created_at:expr) => {{
        let columns = crate::storage::credentials::Columns::of(&$credential.kind);
        let id = $credential.id.0;
        sqlx::query(crate::storage::credentials::Columns::INSERT)
            .bind(id)
            .bind($client_id.as_str())
            .bind(&$credential.label)
            .bind($credential.kind.name())
            .bind(columns.value)
            .bind(columns.environment)
            .bind(columns.issuer_key)
            .bind($credential.starts_at.0)
            .bind($credential.ends_at.map(|end| end.0))
            .bind($created_at.0)
            .execute(&mut *$transaction)
            .await
            .map_err(|error| StorageError::of_insert(error, ("credential", &id), ("consumer", $client_id)))?;
    }};
}
pub(super) use insert_credential;

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
    /// Keeps new credentials of a consumer, and sets the end of some that it has, all or nothing.
    ///
    /// [`StorageError::NotFound`] for a consumer, or a credential of it, that does not exist.
    pub async fn change_credentials(
        &self,
        client_id: &ClientId,
        added: &[Credential],
        ended: &[(CredentialId, UnixTime)],
        now: UnixTime,
    ) -> Result<(), StorageError> {
        in_revision!(self, |transaction, revision| {
            let touched = sqlx::query("UPDATE consumers SET revision = $1 WHERE client_id = $2")
                .bind(revision)
                .bind(client_id.as_str())
                .execute(&mut *transaction)
                .await?;
            if touched.rows_affected() == 0 {
                return Err(StorageError::not_found("consumer", client_id));
            }
            for (id, end) in ended {
                let changed = sqlx::query("UPDATE credentials SET ends_at = $1 WHERE id = $2 AND client_id = $3")
                    .bind(end.0)
                    .bind(id.0)
                    .bind(client_id.as_str())
                    .execute(&mut *transaction)
                    .await?;
                if changed.rows_affected() == 0 {
                    return Err(StorageError::not_found("credential", id.0));
                }
            }
            for credential in added {
                insert_credential!(transaction, client_id, credential, now);
            }
        })
    }

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
    pub(super) const INSERT: &str = INSERT;

    pub(super) fn of(kind: &CredentialKind) -> Self {
        let only = |value| Self { value, environment: None, issuer_key: None };
        match kind {
            CredentialKind::Secret(hash) => only(hash.as_str().to_owned()),
            CredentialKind::Key(key) => only(key.as_jwk().to_owned()),
            CredentialKind::KeySet(uri) => only(uri.as_str().to_owned()),
            CredentialKind::Certificate(certificate) => Self {
                value: certificate.identity.value(),
                environment: certificate.environment.as_ref().map(ToString::to_string),
                issuer_key: certificate.issuer.map(|issuer| issuer.to_string()),
            },
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
        kind => CredentialKind::Certificate(RegisteredCertificate {
            identity: CertificateIdentity::parse(kind, value)?,
            environment: environment.map(str::parse).transpose()?,
            issuer: issuer.map(str::parse).transpose()?,
        }),
    })
}

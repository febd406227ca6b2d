//! Tokens that count no longer: rows ↔ [`RevokedToken`].

use careconnect_verifier::ClientId;
use uuid::Uuid;

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
};
use crate::{clock::UnixTime, domain::RevokedToken};

pub(super) const CHANGED_SINCE: &str = "SELECT client_id, jti, revoked_at, matters_until FROM revoked_tokens \
    WHERE revision > $1 ORDER BY client_id, jti";

/// Reads what was revoked after a revision.
macro_rules! read_revoked_tokens {
    ($connection:expr, $revision:expr) => {{
        let mut read = Vec::new();
        for_each_row!($connection, crate::storage::revoked_tokens::CHANGED_SINCE, $revision, |row| {
            crate::storage::revoked_tokens::revoked(row).map(|revoked| read.push(revoked))
        });
        read
    }};
}
pub(super) use read_revoked_tokens;

impl Change {
    /// What is known of that token, or of all tokens of that consumer.
    pub async fn revoked_token(
        &mut self,
        client_id: &ClientId,
        token_id: Option<Uuid>,
    ) -> Result<Option<RevokedToken>, StorageError> {
        const ONE: &str = "SELECT client_id, jti, revoked_at, matters_until FROM revoked_tokens \
            WHERE client_id = $1 AND jti = $2";
        in_change!(self, |connection| {
            let found = sqlx::query_as(ONE).bind(client_id.as_str()).bind(text(token_id));
            found.fetch_optional(connection).await?.map(revoked).transpose()
        })
    }

    /// Keeps that tokens are revoked; [`StorageError::UnknownReference`] for a consumer that is not registered.
    pub async fn put_revoked_token(
        &mut self,
        before: Option<&RevokedToken>,
        after: &RevokedToken,
    ) -> Result<(), StorageError> {
        const UPSERT: &str = "INSERT INTO revoked_tokens (client_id, jti, revoked_at, matters_until, revision) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (client_id, jti) DO UPDATE SET revoked_at = excluded.revoked_at, \
            matters_until = excluded.matters_until, revision = excluded.revision";
        let (client_id, revision) = (&after.client_id, self.revision);
        in_writing!(self, |connection| {
            let written = sqlx::query(UPSERT)
                .bind(client_id.as_str())
                .bind(text(after.token_id))
                .bind(after.revoked_at.0)
                .bind(after.matters_until.0)
                .bind(revision)
                .execute(connection)
                .await;
            let failed = |error| StorageError::of_insert(error, ("token of", client_id), ("consumer", client_id));
            written.map(|_| ()).map_err(failed)
        })?;
        self.note(before, after);
        Ok(())
    }
}

impl Database {
    /// All tokens that are revoked, as far as they are not forgotten, in the order of their consumers.
    pub async fn list_revoked_tokens(&self) -> Result<Vec<RevokedToken>, StorageError> {
        in_snapshot!(self, |transaction| read_revoked_tokens!(transaction, 0_i64))
    }

    /// Forgets what did not matter any more before `now`; gives how many. Readers drop the same by themselves.
    pub async fn prune_revoked_tokens(&self, now: UnixTime) -> Result<u64, StorageError> {
        on_connection!(self, writer, super::connection::SHORT, |connection, _pools| {
            let prune = sqlx::query("DELETE FROM revoked_tokens WHERE matters_until < $1").bind(now.0);
            Ok(prune.execute(connection).await?.rows_affected())
        })
    }
}

fn text(token_id: Option<Uuid>) -> String {
    token_id.map_or_else(String::new, |id| id.to_string())
}

pub(super) fn revoked(row: (String, String, i64, i64)) -> Result<RevokedToken, StorageError> {
    let (client_id, token_id, revoked_at, matters_until) = row;
    let corrupt = |error: &dyn std::fmt::Display| StorageError::corrupt("revoked token of", &client_id, error);
    Ok(RevokedToken {
        client_id: ClientId::parse(&client_id).map_err(|error| corrupt(&error))?,
        token_id: match token_id.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|error: uuid::Error| corrupt(&error))?),
        },
        revoked_at: UnixTime(revoked_at),
        matters_until: UnixTime(matters_until),
    })
}

//! Signing keys: rows ↔ [`SigningKeyRecord`].

use careconnect_verifier::Algorithm;

use super::{
    Database, StorageError,
    change::{Change, in_change, in_writing},
};
use crate::{
    clock::UnixTime,
    domain::{KeptIn, PrivateHalf, PublicJwk, SealedText, SigningKeyRecord},
};

pub(super) const KEYS: &str = "SELECT kid, algorithm, public_jwk, published_at, activates_at, retired_at, gone_at, \
    withdrawn_at, kept_in, private_half, proof FROM signing_keys WHERE revision > $1 ORDER BY activates_at, kid";

type Row = (String, String, String, i64, i64, Option<i64>, Option<i64>, Option<i64>, String, Option<String>, String);

/// Reads the signing keys that changed after a revision.
macro_rules! read_signing_keys {
    ($connection:expr, $revision:expr) => {{
        let mut read = Vec::new();
        for_each_row!($connection, crate::storage::signing_keys::KEYS, $revision, |row| {
            // One that cannot be understood, of a later release perhaps, is not ours to use; the others are.
            match crate::storage::signing_keys::record(row) {
                Ok(key) => Ok::<_, crate::storage::StorageError>(read.push(key)),
                Err(error) => Ok(tracing::error!(event = "key_not_understood", %error, "a signing key is left out")),
            }
        });
        read
    }};
}
pub(super) use read_signing_keys;

impl Change {
    /// All signing keys there ever were.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRecord>, StorageError> {
        in_change!(self, |connection| Ok(read_signing_keys!(connection, 0_i64)))
    }

    /// Keeps a new signing key, or what became of `before`.
    pub async fn put_signing_key(
        &mut self,
        before: Option<&SigningKeyRecord>,
        after: &SigningKeyRecord,
    ) -> Result<(), StorageError> {
        const UPSERT: &str = "INSERT INTO signing_keys (kid, algorithm, public_jwk, published_at, activates_at, \
            retired_at, gone_at, withdrawn_at, kept_in, private_half, proof, revision) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (kid) DO UPDATE SET \
            activates_at = excluded.activates_at, retired_at = excluded.retired_at, gone_at = excluded.gone_at, \
            withdrawn_at = excluded.withdrawn_at, kept_in = excluded.kept_in, private_half = excluded.private_half, \
            proof = excluded.proof, \
            revision = excluded.revision";
        let (revision, jwk) = (self.revision, after.public_json());
        in_writing!(self, |connection| {
            sqlx::query(UPSERT)
                .bind(after.kid.as_ref())
                .bind(after.algorithm.name())
                .bind(&jwk)
                .bind(after.published_at.0)
                .bind(after.activates_at.0)
                .bind(after.retired_at.map(|at| at.0))
                .bind(after.gone_at.map(|at| at.0))
                .bind(after.withdrawn_at.map(|at| at.0))
                .bind(after.private_half.kept_in().name())
                .bind(text_of(&after.private_half))
                .bind(&after.proof.0)
                .bind(revision)
                .execute(connection)
                .await?;
            Ok(())
        })?;
        self.note(before, after);
        Ok(())
    }
}

impl Database {
    /// All signing keys there ever were, in the order of their turns.
    pub async fn list_signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StorageError> {
        in_snapshot!(self, |transaction| read_signing_keys!(transaction, 0_i64))
    }
}

fn text_of(half: &PrivateHalf) -> Option<&str> {
    match half {
        PrivateHalf::Row(SealedText(text)) | PrivateHalf::Token(text) => Some(text),
        PrivateHalf::File | PrivateHalf::Nowhere => None,
    }
}

pub(super) fn record(row: Row) -> Result<SigningKeyRecord, StorageError> {
    let (kid, algorithm, jwk, published_at, activates_at, retired_at, gone_at, withdrawn_at, kept_in, half, proof) =
        row;
    let corrupt = |reason: &str| StorageError::corrupt("signing key", &kid, reason);
    let jwk = PublicJwk::parse(&jwk).ok_or_else(|| corrupt("its public half is no key that signs tokens"))?;
    if jwk.thumbprint() != kid {
        return Err(corrupt("its public half is another key's"));
    }
    let private_half = match (kept_in.as_str(), half) {
        (name, None) if name == KeptIn::Files.name() => PrivateHalf::File,
        (name, Some(sealed)) if name == KeptIn::Database.name() => PrivateHalf::Row(SealedText(sealed)),
        (name, Some(id)) if name == KeptIn::Pkcs11.name() => PrivateHalf::Token(id),
        (name, None) if name == KeptIn::Nowhere.name() => PrivateHalf::Nowhere,
        _ => return Err(corrupt("its private half is nowhere that this release knows")),
    };
    Ok(SigningKeyRecord {
        algorithm: Algorithm::parse(&algorithm).map_err(|error| corrupt(&error.to_string()))?,
        jwk,
        published_at: UnixTime(published_at),
        activates_at: UnixTime(activates_at),
        retired_at: retired_at.map(UnixTime),
        gone_at: gone_at.map(UnixTime),
        withdrawn_at: withdrawn_at.map(UnixTime),
        private_half,
        proof: SealedText(proof),
        kid: kid.into(),
    })
}

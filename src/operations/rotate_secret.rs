//! Gives a consumer a new secret, and lets its others live on for a while.

use careconnect_verifier::ClientId;

use super::add_credentials::{AddRefused, NewCredential, NewCredentialKind, made};
use crate::{
    clock::UnixTime,
    domain::{ClientSecret, Credential, CredentialId, DisplayName},
    storage::{Database, StorageError},
};

/// The new secret, and until when the others count.
#[derive(Debug)]
pub struct RotatedSecret {
    /// To be shown once (R16).
    pub secret: ClientSecret,
    /// As it is kept.
    pub credential: Credential,
    /// The secrets that now end, and when.
    pub ending: Vec<(CredentialId, UnixTime)>,
}

/// Adds a new secret that counts from now, and ends every other secret `overlap` seconds from now, if it does not end
/// before. [`StorageError::NotFound`] when there is no such consumer.
pub async fn rotate_secret(
    database: &Database,
    client_id: &ClientId,
    label: Option<DisplayName>,
    overlap: i64,
    now: UnixTime,
) -> Result<RotatedSecret, AddRefused> {
    let found = database.find_consumer(client_id).await?;
    let consumer = found.ok_or_else(|| StorageError::not_found("consumer", client_id))?;
    let end = now.plus(overlap);
    let ends_later = |credential: &Credential| credential.ends_at.is_none_or(|ends_at| ends_at > end);
    let secrets = consumer.credentials.iter().filter(|credential| credential.kind.name() == "secret");
    let ending: Vec<_> = secrets.filter(|secret| ends_later(secret)).map(|secret| (secret.id, end)).collect();

    let secret = ClientSecret::generate();
    let kind = NewCredentialKind::Secret(secret.clone());
    let credential = made(NewCredential { kind, label, starts_at: None, ends_at: None }, client_id, now).await?;
    database.change_credentials(client_id, std::slice::from_ref(&credential), &ending, now).await?;
    tracing::info!(%client_id, credential = %credential.id.0, ending = ending.len(), until = %end, "secret rotated");
    Ok(RotatedSecret { secret, credential, ending })
}

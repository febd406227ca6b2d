//! Gives a consumer a new secret, and lets its others live on for a while.

use careconnect_verifier::ClientId;

use super::{
    add_credentials::{NewCredential, NewCredentialKind, made, with_credentials},
    change_consumer::change_consumer,
    change_refused::ChangeRefused,
    end_credential::with_end,
};
use crate::{
    clock::UnixTime,
    domain::{Act, ClientSecret, ConsumerSystem, Credential, CredentialId, DisplayName, Precondition},
    storage::Database,
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
/// before. Not found when there is no such consumer.
pub async fn rotate_secret(
    database: &Database,
    client_id: &ClientId,
    label: Option<DisplayName>,
    overlap: i64,
    act: Act,
) -> Result<RotatedSecret, ChangeRefused> {
    let (secret, end) = (ClientSecret::generate(), act.at.plus(overlap));
    let kind = NewCredentialKind::Secret(secret.clone());
    let credential = made(NewCredential { kind, label, starts_at: None, ends_at: None }, client_id, act.at).await?;
    let mut ending = Vec::new();
    let edit = |before: &ConsumerSystem| {
        let ends_later = |held: &&Credential| held.ends_at.is_none_or(|ends_at| ends_at > end);
        let secrets = before.credentials.iter().map(AsRef::as_ref).filter(|held| held.kind.name() == "secret");
        ending = secrets.filter(ends_later).map(|secret| (secret.id, end)).collect();
        let mut after = with_credentials(before, std::slice::from_ref(&credential))?;
        for (id, end) in &ending {
            after = with_end(&after, *id, *end)?;
        }
        Ok(after)
    };
    change_consumer(database, client_id, &Precondition::Any, edit, act).await?;
    tracing::info!(%client_id, credential = %credential.id.0, ending = ending.len(), until = %end, "secret rotated");
    Ok(RotatedSecret { secret, credential, ending })
}

//! Gives a registered consumer further ways in.

use std::sync::Arc;

use careconnect_verifier::ClientId;

use super::{change_consumer::change_consumer, change_refused::ChangeRefused};
use crate::{
    authentication::secret_hash,
    blocking::blocking,
    clock::UnixTime,
    domain::{Act, ClientSecret, ConsumerSystem, Credential, CredentialId, CredentialKind, DisplayName, Precondition},
    random,
    storage::Database,
};

/// A way in that an administrator submits.
#[derive(Debug)]
pub struct NewCredential {
    /// What proves it.
    pub kind: NewCredentialKind,
    /// What people call it; none for the name of its kind.
    pub label: Option<DisplayName>,
    /// From when it counts; none for now.
    pub starts_at: Option<UnixTime>,
    /// Until when, if that is known.
    pub ends_at: Option<UnixTime>,
}

/// What proves it.
#[derive(Debug)]
pub enum NewCredentialKind {
    /// A secret, made here or imported; the register keeps its hash.
    Secret(ClientSecret),
    /// A certificate, a key or a key set.
    Public(CredentialKind),
}

/// Adds all of `credentials`, or none; not found when there is no such consumer.
pub async fn add_credentials(
    database: &Database,
    client_id: &ClientId,
    credentials: Vec<NewCredential>,
    act: Act,
) -> Result<Vec<Credential>, ChangeRefused> {
    let mut added: Vec<Credential> = Vec::new();
    for credential in credentials {
        added.push(made(credential, client_id, act.at).await?); // what takes long, before the others have to wait
    }
    let edit = |before: &ConsumerSystem| with_credentials(before, &added);
    change_consumer(database, client_id, &Precondition::Any, edit, act).await?;
    for credential in &added {
        tracing::info!(%client_id, credential = %credential.id.0, kind = credential.kind.name(), "credential added");
    }
    Ok(added)
}

/// The consumer with further credentials, none of which it may have already: ended once, it would go on counting the
/// second time.
pub(super) fn with_credentials(before: &ConsumerSystem, added: &[Credential]) -> Result<ConsumerSystem, ChangeRefused> {
    let mut after = before.clone();
    for credential in added {
        let goes_on = |held: &&Arc<Credential>| held.ends_at.is_none_or(|end| end > credential.starts_at);
        if let Some(same) = after.credentials.iter().filter(goes_on).find(|held| held.kind == credential.kind) {
            return Err(ChangeRefused::Conflict(format!(
                "the consumer has this {} already, as the credential {}",
                same.kind.name(),
                same.id.0
            )));
        }
        after.credentials.push(Arc::new(credential.clone()));
    }
    Ok(after)
}

/// The credential as it is kept.
pub(super) async fn made(new: NewCredential, client_id: &ClientId, now: UnixTime) -> Result<Credential, ChangeRefused> {
    let starts_at = new.starts_at.unwrap_or(now);
    if let Some(ends_at) = new.ends_at.filter(|end| *end <= starts_at) {
        let detail = format!("the credential would end at {ends_at}, before it starts at {starts_at}");
        return Err(ChangeRefused::at("/ends_at", detail));
    }
    let kind = match new.kind {
        NewCredentialKind::Public(kind) => kind,
        NewCredentialKind::Secret(secret) => {
            let owner = client_id.clone();
            CredentialKind::Secret(blocking(move || secret_hash::hash(&secret, &owner)).await)
        }
    };
    let label = new.label.map_or_else(|| kind.name().to_owned(), |label| label.to_string());
    Ok(Credential { id: CredentialId(random::uuid()), label, kind, starts_at, ends_at: new.ends_at })
}

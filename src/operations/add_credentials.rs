//! Gives a registered consumer further ways in.

use careconnect_verifier::ClientId;

use crate::{
    authentication::secret_hash,
    blocking::blocking,
    clock::UnixTime,
    domain::{ClientSecret, Credential, CredentialId, CredentialKind, DisplayName},
    random,
    storage::{Database, StorageError},
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

/// Why credentials were not added; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum AddRefused {
    /// It would never count.
    #[error("the credential would end at {ends_at}, before it starts at {starts_at}")]
    EndsBeforeItStarts {
        /// When it would start.
        starts_at: UnixTime,
        /// When it would end.
        ends_at: UnixTime,
    },
    /// The consumer has it already: ended once, it would go on counting the second time.
    #[error("the consumer has this {kind} already, as the credential {id}")]
    AlreadyHeld {
        /// What kind of thing it is.
        kind: &'static str,
        /// Under which id.
        id: uuid::Uuid,
    },
    /// The register refuses it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Adds all of `credentials`, or none; [`StorageError::NotFound`] when there is no such consumer.
pub async fn add_credentials(
    database: &Database,
    client_id: &ClientId,
    credentials: Vec<NewCredential>,
    now: UnixTime,
) -> Result<Vec<Credential>, AddRefused> {
    let found = database.find_consumer(client_id).await?;
    let consumer = found.ok_or_else(|| StorageError::not_found("consumer", client_id))?;
    let mut added: Vec<Credential> = Vec::new();
    for credential in credentials {
        let credential = made(credential, client_id, now).await?;
        let held = consumer.credentials.iter().map(AsRef::as_ref).chain(&added);
        let goes_on = |held: &&Credential| held.ends_at.is_none_or(|end| end > credential.starts_at);
        if let Some(same) = held.filter(goes_on).find(|held| held.kind == credential.kind) {
            return Err(AddRefused::AlreadyHeld { kind: same.kind.name(), id: same.id.0 });
        }
        added.push(credential);
    }
    database.change_credentials(client_id, &added, &[], now).await?;
    for credential in &added {
        tracing::info!(%client_id, credential = %credential.id.0, kind = credential.kind.name(), "credential added");
    }
    Ok(added)
}

/// The credential as it is kept.
pub(super) async fn made(new: NewCredential, client_id: &ClientId, now: UnixTime) -> Result<Credential, AddRefused> {
    let starts_at = new.starts_at.unwrap_or(now);
    if let Some(ends_at) = new.ends_at.filter(|end| *end <= starts_at) {
        return Err(AddRefused::EndsBeforeItStarts { starts_at, ends_at });
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

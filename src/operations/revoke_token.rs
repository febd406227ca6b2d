//! Revokes tokens on the word of an administrator, or of the consumer whose they are. It counts everywhere within a second.

use careconnect_verifier::ClientId;

use super::change_refused::ChangeRefused;
use crate::{
    clock::UnixTime,
    domain::{Act, RevokedToken, revoked_token::LEEWAY},
    own_tokens::OwnToken,
    storage::{Change, Database, StorageError},
};

/// Keeps that tokens are revoked; [`StorageError::NotFound`] when there is no such consumer. What is revoked already stays as
/// it is, and leaves no second record; all tokens of a consumer are revoked anew, with those that it got meanwhile.
pub async fn revoke_token(database: &Database, revoked: RevokedToken, act: Act) -> Result<RevokedToken, ChangeRefused> {
    let mut change = database.begin(act).await?;
    let outcome = put(&mut change, revoked).await;
    let revoked = change.finish(outcome).await?;
    let jti = revoked.token_id.map(tracing::field::display);
    tracing::info!(client_id = %revoked.client_id, jti, "tokens revoked");
    Ok(revoked)
}

async fn put(change: &mut Change, after: RevokedToken) -> Result<RevokedToken, ChangeRefused> {
    refuse_unknown(change, &after.client_id).await?;
    let before = change.revoked_token(&after.client_id, after.token_id).await?;
    if let Some(before) = before.as_ref().filter(|before| {
        before.token_id.is_some() && before.matters_until >= after.matters_until || before.revoked_at > after.revoked_at // by a node whose clock is ahead
    }) {
        return Ok(before.clone());
    }
    change.put_revoked_token(before.as_ref(), &after).await?;
    Ok(after)
}

async fn refuse_unknown(change: &mut Change, client_id: &ClientId) -> Result<(), StorageError> {
    let known = change.consumer(client_id).await?;
    known.map(|_| ()).ok_or_else(|| StorageError::not_found("consumer", client_id))
}

/// What revokes `token`; none when its time is over for every verifier.
pub fn revocation_of(token: &OwnToken, now: UnixTime) -> Option<RevokedToken> {
    let OwnToken { client_id, token_id, expires_at, .. } = token;
    (now < expires_at.plus(LEEWAY)).then(|| RevokedToken::one(client_id.clone(), *token_id, Some(*expires_at), now))
}

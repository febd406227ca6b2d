//! Which tokens count no longer, as of now.

use careconnect_verifier::ClientId;
use serde::Serialize;
use uuid::Uuid;

use super::Registry;
use crate::{
    clock::UnixTime,
    domain::revoked_token::{LONGEST_LIFE, outlived},
};

/// What verifiers must know of tokens that could still be accepted: nothing of those that could not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Revocations {
    /// Ids of tokens, sorted.
    pub tokens: Vec<Uuid>,
    /// Consumers, sorted by their ids.
    pub clients: Vec<RevokedConsumer>,
}

/// A consumer with tokens that count no longer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RevokedConsumer {
    /// Which.
    pub client_id: ClientId,
    /// Those whose `iat` is not later than this; none: all of them, for it is suspended or retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_up_to: Option<UnixTime>,
}

impl Registry {
    /// Does a token of `client_id` with this `jti` and `iat` count, as far as its consumer and administrators say? That of a
    /// consumer that is suspended does not, and does again when the consumer is resumed.
    pub fn stands(&self, client_id: &ClientId, token_id: Uuid, issued_at: UnixTime) -> bool {
        let snapshot = self.snapshot.load();
        snapshot.consumer(client_id.as_str()).is_some_and(|consumer| consumer.is_active())
            && !snapshot.is_revoked(client_id, token_id, issued_at)
    }

    /// What matters at `now`. A consumer that came to its end is named until its last token has ended: also one that a node
    /// gave it which had not seen the register for `max_staleness` seconds.
    pub fn revocations(&self, max_staleness: i64, now: UnixTime) -> Revocations {
        let snapshot = self.snapshot.load();
        let ended = snapshot.inactive().filter(|consumer| {
            let since = consumer.status.suspended_at().or(consumer.status.retired_at());
            since.is_some_and(|since| now <= outlived(since.plus(LONGEST_LIFE).plus(max_staleness)))
        });
        let whole = |client_id: &ClientId| RevokedConsumer { client_id: client_id.clone(), issued_up_to: None };
        let mut clients: Vec<_> = ended.map(|consumer| whole(&consumer.client_id)).collect();
        let mut tokens = Vec::new();
        for revoked in snapshot.revoked().filter(|revoked| revoked.matters_at(now)) {
            let client_id = revoked.client_id.clone();
            match revoked.token_id {
                Some(id) => tokens.push(id),
                None => clients.push(RevokedConsumer { client_id, issued_up_to: Some(revoked.revoked_at) }),
            }
        }
        tokens.sort_unstable();
        clients.sort_unstable(); // one without a time comes first, and says all
        clients.dedup_by(|later, first| later.client_id == first.client_id);
        Revocations { tokens, clients }
    }

    /// How many tokens, and whole consumers, are known to be revoked.
    pub fn revoked_count(&self) -> usize {
        self.snapshot.load().revoked().count()
    }
}

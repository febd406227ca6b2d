//! Which tokens count no longer, as of now.

use std::collections::BTreeMap;

use careconnect_verifier::ClientId;
use serde::Serialize;
use uuid::Uuid;

use super::Registry;
use crate::{
    clock::UnixTime,
    domain::revoked_token::{LONGEST_LIFE, outlived},
};

/// Tokens of one consumer that are named; of one with more, all that it had until then end: the list must stay small enough
/// for every verifier.
const MOST_OF_ONE: usize = 100;

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
        let mut clients = BTreeMap::<ClientId, Option<UnixTime>>::new();
        let mut put = |client_id: &ClientId, issued_up_to: Option<UnixTime>| {
            let all_or_later = |known: &mut Option<UnixTime>| {
                *known = known.and_then(|known| issued_up_to.map(|new| new.max(known)));
            };
            clients.entry(client_id.clone()).and_modify(all_or_later).or_insert(issued_up_to);
        };
        ended.for_each(|consumer| put(&consumer.client_id, None));
        let (mut tokens, mut by_consumer) = (Vec::new(), BTreeMap::<&ClientId, Vec<(Uuid, UnixTime)>>::new());
        for revoked in snapshot.revoked().filter(|revoked| revoked.matters_at(now)) {
            match revoked.token_id {
                Some(id) => by_consumer.entry(&revoked.client_id).or_default().push((id, revoked.revoked_at)),
                None => put(&revoked.client_id, Some(revoked.revoked_at)),
            }
        }
        for (client_id, revoked) in by_consumer {
            match revoked.len() {
                0..=MOST_OF_ONE => tokens.extend(revoked.into_iter().map(|(id, _)| id)),
                _ => put(client_id, revoked.into_iter().map(|(_, at)| at).max()),
            }
        }
        tokens.sort_unstable();
        let named = |(client_id, issued_up_to)| RevokedConsumer { client_id, issued_up_to };
        let clients = clients.into_iter().map(named).collect();
        Revocations { tokens, clients }
    }

    /// How many tokens, and whole consumers, are known to be revoked.
    pub fn revoked_count(&self) -> usize {
        self.snapshot.load().revoked().count()
    }
}

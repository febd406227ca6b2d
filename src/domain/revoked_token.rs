//! Tokens that count no longer, though their time is not over.

use careconnect_verifier::ClientId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Registered;
use crate::clock::UnixTime;

/// Seconds that a token lives at most.
pub const LONGEST_LIFE: i64 = 3_600;
/// Seconds after its end for which some verifier may accept a token, and for which it can be revoked.
pub const LEEWAY: i64 = 60;
/// Seconds by which clocks may differ beyond that.
const MARGIN: i64 = 300;

/// One token that is revoked, or all that a consumer had been issued up to a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedToken {
    /// Whose.
    pub client_id: ClientId,
    /// Its `jti`; none for all that were issued up to `revoked_at`.
    pub token_id: Option<Uuid>,
    /// When.
    pub revoked_at: UnixTime,
    /// The last second at which anybody could accept such a token if nobody knew of this.
    pub matters_until: UnixTime,
}

impl RevokedToken {
    /// The token of that id; `expires_at` is its `exp`, if that is known.
    pub fn one(client_id: ClientId, token_id: Uuid, expires_at: Option<UnixTime>, now: UnixTime) -> Self {
        let end = expires_at.unwrap_or(now.plus(LONGEST_LIFE));
        Self { client_id, token_id: Some(token_id), revoked_at: now, matters_until: outlived(end) }
    }

    /// All tokens of a consumer that were issued up to `now`.
    pub fn all(client_id: ClientId, now: UnixTime) -> Self {
        Self { client_id, token_id: None, revoked_at: now, matters_until: outlived(now.plus(LONGEST_LIFE)) }
    }

    /// Could anybody accept such a token at `now`?
    pub fn matters_at(&self, now: UnixTime) -> bool {
        now <= self.matters_until
    }
}

/// The last second at which a token that ends at `end` can matter.
pub const fn outlived(end: UnixTime) -> UnixTime {
    end.plus(LEEWAY + MARGIN)
}

impl Registered for RevokedToken {
    const KIND: &'static str = "revoked_token";

    /// Begins with the consumer's client id, by which the audit finds it.
    fn identifier(&self) -> String {
        match self.token_id {
            Some(id) => format!("{} for token {id}", self.client_id),
            None => format!("{} for all tokens", self.client_id),
        }
    }

    fn document(&self) -> Value {
        let issued_up_to = self.token_id.is_none().then(|| self.revoked_at.to_string());
        json!({
            "client_id": self.client_id, "jti": self.token_id, "issued_up_to": issued_up_to,
            "revoked_at": self.revoked_at.to_string(), "matters_until": self.matters_until.to_string(),
        })
    }

    fn done_since(&self, _before: Option<&Self>) -> &'static str {
        "revoked"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_revoked_matters_until_no_verifier_could_accept_it() {
        let (client_id, now): (ClientId, _) = ("a".parse().unwrap(), UnixTime(1_800_000_000));
        let known = RevokedToken::one(client_id.clone(), Uuid::nil(), Some(now.plus(300)), now);
        assert!(known.matters_at(now.plus(660)) && !known.matters_at(now.plus(661)));
        for longest in [RevokedToken::one(client_id.clone(), Uuid::nil(), None, now), RevokedToken::all(client_id, now)]
        {
            assert!(longest.matters_at(now.plus(3_960)) && !longest.matters_at(now.plus(3_961)));
        }
    }
}

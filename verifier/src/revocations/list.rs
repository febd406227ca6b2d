//! The list itself: what is in it, and what that withdraws.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use crate::{AccessTokenClaims, unverified::excerpt};

/// What is withdrawn, each kind to be looked up in one step.
#[derive(Debug, Default)]
pub(super) struct RevocationList {
    /// Unix seconds.
    pub(super) issued_at: i64,
    /// The first second in which the list has ended.
    pub(super) ends_at: i64,
    pub(super) tokens: HashSet<String>,
    /// Up to which second of issue a consumer's tokens are withdrawn; none for all of them.
    pub(super) clients: HashMap<String, Option<i64>>,
    pub(super) keys: HashSet<String>,
}

/// What the issuer has withdrawn, of all that a token depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Withdrawn {
    /// This token.
    Token {
        /// The beginning of its `jti`.
        token_id: String,
    },
    /// The consumer, or what was issued to it up to a time.
    Client {
        /// Its registration.
        client_id: String,
        /// The last second of issue, Unix time; none for all tokens.
        issued_up_to: Option<i64>,
    },
    /// The key that signed the token.
    Key {
        /// The beginning of its `kid`.
        key_id: String,
    },
}

impl RevocationList {
    /// Of two entries for one consumer, the wider counts.
    pub(super) fn withdraw_client(&mut self, client_id: String, issued_up_to: Option<i64>) {
        let wider = |one: &mut Option<i64>| *one = one.zip(issued_up_to).map(|(one, other)| one.max(other));
        self.clients.entry(client_id).and_modify(wider).or_insert(issued_up_to);
    }

    pub(super) fn withdraws(&self, claims: &AccessTokenClaims, key_id: &str) -> Option<Withdrawn> {
        if self.keys.contains(key_id) {
            return Some(Withdrawn::Key { key_id: excerpt(key_id) });
        }
        if self.tokens.contains(&claims.jti) {
            return Some(Withdrawn::Token { token_id: excerpt(&claims.jti) });
        }
        let client_id = claims.client_id.as_str();
        match self.clients.get(client_id) {
            Some(&issued_up_to) if issued_up_to.is_none_or(|last| claims.iat <= last) => {
                Some(Withdrawn::Client { client_id: client_id.to_owned(), issued_up_to })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { token_id } => write!(f, "the token {token_id:?}"),
            Self::Client { client_id, issued_up_to: None } => write!(f, "all tokens of the consumer {client_id}"),
            Self::Client { client_id, issued_up_to: Some(last) } => {
                write!(f, "the tokens of the consumer {client_id} that were issued up to {last}")
            }
            Self::Key { key_id } => write!(f, "the key {key_id:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_entries_for_one_consumer_the_wider_counts() {
        for (one, other, expected) in
            [(Some(5), Some(7), Some(7)), (Some(7), Some(5), Some(7)), (None, Some(5), None), (Some(5), None, None)]
        {
            let mut list = RevocationList::default();
            list.withdraw_client("c".to_owned(), one);
            list.withdraw_client("c".to_owned(), other);
            assert_eq!(list.clients["c"], expected, "{one:?} {other:?}");
        }
    }
}

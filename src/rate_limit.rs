//! How many requests a consumer may make: as configured for all, unless its registration says otherwise.

use crate::{
    budget::{Budgets, Exhausted, Rate},
    clock::UnixTime,
    config::Limits,
    domain::ConsumerSystem,
};

/// The requests of each consumer within the last minute. Asked after it has proven itself, so that no stranger can use
/// up what is another's.
#[derive(Debug)]
pub struct RateLimits {
    default: u32,
    at_once: u32,
    budgets: Budgets,
    revocations: Budgets,
}

/// Tokens that a consumer may revoke within an hour, on each node: every one is a change of the register and a record of the
/// audit, which is kept for ever.
const REVOCATIONS_PER_HOUR: u32 = 100;

impl RateLimits {
    /// As configured.
    pub fn of(limits: &Limits) -> Self {
        Self {
            default: limits.requests_per_consumer_per_minute.number(),
            at_once: limits.burst_per_consumer.number(),
            budgets: Budgets::default(),
            revocations: Budgets::default(),
        }
    }

    /// Counts a request of `consumer`, or says when it may make one again.
    pub fn take(&self, consumer: &ConsumerSystem, now: UnixTime) -> Result<(), Exhausted> {
        let per_minute = consumer.requests_per_minute.unwrap_or(self.default);
        match Rate::per_minute(per_minute, self.at_once) {
            Some(rate) => self.budgets.take(self.budgets.key(&consumer.client_id), rate, now),
            None => Ok(()),
        }
    }

    /// Counts a token that `consumer` revokes, or says when it may revoke one again.
    pub fn take_revocation(&self, consumer: &ConsumerSystem, now: UnixTime) -> Result<(), Exhausted> {
        match Rate::of(REVOCATIONS_PER_HOUR, 3_600) {
            Some(rate) => self.revocations.take(self.revocations.key(&consumer.client_id), rate, now),
            None => Ok(()),
        }
    }
}

//! How often somebody may fail to prove who it is, before that costs us anything.
//!
//! A failure is charged to the pair of client id and address, and to the address. Nobody is charged for the failures of
//! another address, so no stranger can lock a consumer out; and a client id that is unknown is charged like one that is
//! registered, so nobody learns which exist (R13).

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    budget::{BudgetKey, Budgets, Exhausted, Rate},
    clock::UnixTime,
    config::Limits,
    domain::{CertificateThumbprint, FailedCheck},
    fair_share::network,
};

/// Too many attempts failed; this one was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failures of {budget}: the attempt was not looked at, the next one will be in {retry_after} s")]
pub struct TooManyFailures {
    /// Whose failures: `consumer_and_address` or `address`.
    pub budget: &'static str,
    /// Seconds until one attempt will be looked at.
    pub retry_after: u32,
}

impl TooManyFailures {
    /// The check that failed, with both sides.
    pub fn check(&self) -> FailedCheck {
        let expected = format!("failures left in the budget of {}", self.budget);
        FailedCheck::new("too_many_failures", expected, format!("none for {} s", self.retry_after))
    }
}

/// What each address, and each consumer at an address, may still fail.
#[derive(Debug)]
pub struct FailureBudgets {
    per_pair: Option<Rate>,
    per_address: Option<Rate>,
    pairs: Budgets,
    addresses: Budgets,
    well_known: WellKnown,
}

/// One attempt of one consumer at one address.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// When it is made.
    pub now: UnixTime,
    /// From where.
    pub address: IpAddr,
    /// As whom; whether there is such a consumer does not matter.
    pub client_id: &'a str,
    budgets: &'a FailureBudgets,
    pair: BudgetKey,
}

impl FailureBudgets {
    /// As configured.
    pub fn of(limits: &Limits) -> Self {
        let rate = |units| Rate::of(units, limits.failures_refill_seconds.number());
        Self {
            per_pair: rate(limits.failures_per_consumer_and_address.number()),
            per_address: rate(limits.failures_per_address.number()),
            pairs: Budgets::default(),
            addresses: Budgets::default(),
            well_known: WellKnown::default(),
        }
    }

    /// Somebody at `address` is about to prove that it is `client_id`; without one, what it shows tells it from others.
    pub fn attempt<'a>(
        &'a self,
        client_id: &'a str,
        certificate: Option<CertificateThumbprint>,
        address: IpAddr,
        now: UnixTime,
    ) -> Attempt<'a> {
        let shown = certificate.filter(|_| client_id.is_empty());
        let pair = self.pairs.key((client_id, shown, network(address)));
        Attempt { now, address, client_id, budgets: self, pair }
    }
}

impl Attempt<'_> {
    /// To be asked before anything that costs more than a comparison, and only then.
    pub fn check(&self) -> Result<(), TooManyFailures> {
        let exhausted = |budget| move |Exhausted { retry_after }| TooManyFailures { budget, retry_after };
        let Self { budgets, pair, now, .. } = *self;
        if let Some(rate) = budgets.per_pair {
            budgets.pairs.check(pair, rate, now).map_err(exhausted("consumer_and_address"))?;
        }
        match budgets.per_address {
            // Who has come from here before is not held to what its neighbours do.
            Some(rate) if !budgets.well_known.has(pair, now) => {
                budgets.addresses.check(self.address_key(), rate, now).map_err(exhausted("address"))
            }
            _ => Ok(()),
        }
    }

    /// To be asked before what costs about as much as a handshake: who has proved itself from here within a day may
    /// always try again, so that a neighbour who fails in its name holds up nobody.
    pub fn check_unless_well_known(&self) -> Result<(), TooManyFailures> {
        if self.budgets.well_known.has(self.pair, self.now) { Ok(()) } else { self.check() }
    }

    /// It did not prove it.
    pub fn failed(&self) {
        let Self { budgets, pair, now, .. } = *self;
        let charge = |rate: Option<Rate>, to: &Budgets, key| rate.map(|rate| to.take(key, rate, now));
        let _exhausted_now = charge(budgets.per_pair, &budgets.pairs, pair);
        let _exhausted_now = charge(budgets.per_address, &budgets.addresses, self.address_key());
    }

    /// It did.
    pub fn succeeded(&self) {
        self.budgets.well_known.note(self.pair, self.now);
    }

    fn address_key(&self) -> BudgetKey {
        self.budgets.addresses.key(network(self.address))
    }
}

/// Pairs that proved themselves within a day. Only consumers get in here, each at the cost of whom it collides with, who
/// is then held to its address's budget like a newcomer.
#[derive(Debug)]
struct WellKnown(Box<[AtomicU64]>);

const PLACES: usize = 1 << 16;
const REMEMBERED_SECONDS: i64 = 86_400;

impl Default for WellKnown {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl WellKnown {
    fn note(&self, pair: BudgetKey, now: UnixTime) {
        self.place(pair).store(tag(pair) | u64::from(seconds(now)), Ordering::Relaxed);
    }

    fn has(&self, pair: BudgetKey, now: UnixTime) -> bool {
        let noted = self.place(pair).load(Ordering::Relaxed);
        let age = i64::from(seconds(now)) - i64::try_from(noted & LOW).unwrap_or(i64::MAX);
        noted & !LOW == tag(pair) && age < REMEMBERED_SECONDS
    }

    fn place(&self, pair: BudgetKey) -> &AtomicU64 {
        &self.0[usize::try_from(pair.0 & LOW).unwrap_or_default() % PLACES]
    }
}

const LOW: u64 = 0xffff_ffff;

/// The half of the key that does not choose the place.
const fn tag(pair: BudgetKey) -> u64 {
    pair.0 & !LOW
}

/// The time in 32 bits, which will do until 2106.
fn seconds(time: UnixTime) -> u32 {
    u32::try_from(time.0).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn fail_until_refused(budgets: &FailureBudgets, client_id: &str, address: IpAddr) -> TooManyFailures {
        for _ in 0..1000 {
            let attempt = budgets.attempt(client_id, None, address, NOW);
            if let Err(refusal) = attempt.check() {
                return refusal;
            }
            attempt.failed();
        }
        panic!("never refused");
    }

    #[test]
    fn failures_are_charged_to_the_consumer_at_that_address_and_to_no_other() {
        // R17
        let budgets = FailureBudgets::of(&Limits::default());
        let refusal = fail_until_refused(&budgets, "somebody", HERE);
        assert_eq!(refusal, TooManyFailures { budget: "consumer_and_address", retry_after: 30 });
        assert_eq!(budgets.attempt("somebody", None, IpAddr::from([10, 0, 0, 1]), NOW).check(), Ok(()));
        assert_eq!(budgets.attempt("somebody else", None, HERE, NOW).check(), Ok(()));
        assert_eq!(budgets.attempt("somebody", None, HERE, NOW.plus(30)).check(), Ok(()));
    }

    #[test]
    fn who_tries_one_name_after_the_other_uses_up_its_address_but_not_what_consumers_at_home_there_need() {
        // R17, R54
        let budgets = FailureBudgets::of(&Limits::default());
        budgets.attempt("at home", None, HERE, NOW).succeeded();
        let refusals = (0..1000).map(|name| {
            let name = name.to_string();
            let attempt = budgets.attempt(&name, None, HERE, NOW);
            attempt.check().inspect(|()| attempt.failed())
        });
        let refusal = refusals.filter_map(Result::err).next().unwrap();
        assert_eq!((refusal.budget, refusal.retry_after), ("address", 6));
        assert_eq!(budgets.attempt("new here", None, HERE, NOW).check(), Err(refusal));
        assert_eq!(budgets.attempt("at home", None, HERE, NOW).check(), Ok(()));
        assert_eq!(budgets.attempt("at home", None, HERE, NOW.plus(86_399)).check(), Ok(()));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one() {
        let budgets = FailureBudgets::of(&Limits::default());
        fail_until_refused(&budgets, "somebody", "2001:db8::1".parse().unwrap());
        assert!(budgets.attempt("somebody", None, "2001:db8::ffff:2".parse().unwrap(), NOW).check().is_err());
        assert_eq!(budgets.attempt("somebody", None, "2001:db8:0:1::1".parse().unwrap(), NOW).check(), Ok(()));
    }

    #[test]
    fn no_budget_is_no_limit() {
        use crate::config::Count;
        let limits = Limits {
            failures_per_consumer_and_address: Count::of(0),
            failures_per_address: Count::of(0),
            ..Limits::default()
        };
        let budgets = FailureBudgets::of(&limits);
        for _ in 0..1000 {
            budgets.attempt("somebody", None, HERE, NOW).failed();
        }
        assert_eq!(budgets.attempt("somebody", None, HERE, NOW).check(), Ok(()));
    }
}

//! What runs out and refills with time: failures that are borne with, requests in a minute. One rule (GCRA), and one
//! table of bounded size for keys that strangers choose.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::clock::UnixTime;

const MICROSECONDS: i64 = 1_000_000;

/// How much there is at once, and how fast it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Microseconds until one unit is back.
    interval: i64,
    /// Microseconds until all are.
    whole: i64,
}

impl Rate {
    /// `units` at once, all of which are back after `seconds`. None for no units, which means no limit.
    pub fn of(units: u32, seconds: u32) -> Option<Self> {
        let interval = (i64::from(seconds) * MICROSECONDS).checked_div(units.into())?.max(1);
        Some(Self { interval, whole: interval * i64::from(units) })
    }

    /// `units` a minute, `at_once` of them or as many as come back in a second, for our clock tells no less. None for no
    /// units, which means no limit.
    pub fn per_minute(units: u32, at_once: u32) -> Option<Self> {
        let Self { interval, .. } = Self::of(units, 60)?;
        Some(Self { interval, whole: interval * i64::from(at_once.max(units.div_ceil(60)).max(1)) })
    }
}

/// Nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing is left for {retry_after} s")]
pub struct Exhausted {
    /// Seconds until one unit is back, at least one.
    pub retry_after: u32,
}

/// A key's place in the table. Keyed by a secret of this process, so that nobody can choose keys that collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetKey(pub u64);

/// What was taken and is not back yet, by key, in memory that never grows. Whoever owes least is forgotten first: to be
/// forgotten, one would have to make so many others owe more.
#[derive(Debug)]
pub struct Budgets {
    sets: Box<[Mutex<[Debt; WAYS]>]>,
    hasher: RandomState,
}

/// Debts of a set are looked through one by one.
const WAYS: usize = 8;
const SETS: usize = 8192; // one MiB in all

#[derive(Debug, Clone, Copy)]
struct Debt {
    key: BudgetKey,
    /// When all is back, in microseconds since 1970.
    paid_at: i64,
}

const NO_DEBT: Debt = Debt { key: BudgetKey(0), paid_at: i64::MIN };

impl Default for Budgets {
    fn default() -> Self {
        Self::with_sets(SETS)
    }
}

impl Budgets {
    fn with_sets(sets: usize) -> Self {
        Self { sets: (0..sets).map(|_| Mutex::new([NO_DEBT; WAYS])).collect(), hasher: RandomState::new() }
    }

    /// The key of what is identified by `who`.
    pub fn key(&self, who: impl Hash) -> BudgetKey {
        BudgetKey(self.hasher.hash_one(who))
    }

    /// Is there a unit left? Takes none.
    pub fn check(&self, key: BudgetKey, rate: Rate, now: UnixTime) -> Result<(), Exhausted> {
        let mut set = self.set(key);
        match set.iter_mut().find(|debt| debt.key == key) {
            Some(debt) => rate.after_one_more(debt.owed(rate, now)).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Takes a unit, or says when there will be one.
    pub fn take(&self, key: BudgetKey, rate: Rate, now: UnixTime) -> Result<(), Exhausted> {
        let mut set = self.set(key);
        let debt = entry(&mut set, key);
        debt.paid_at = microseconds(now) + rate.after_one_more(debt.owed(rate, now))?;
        Ok(())
    }

    fn set(&self, key: BudgetKey) -> MutexGuard<'_, [Debt; WAYS]> {
        let index = usize::try_from(key.0 >> 32).unwrap_or_default() % self.sets.len();
        self.sets[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rate {
    /// What is owed when one more unit is taken.
    fn after_one_more(self, owed: i64) -> Result<i64, Exhausted> {
        let missing = owed + self.interval - self.whole;
        if missing <= 0 {
            return Ok(owed + self.interval);
        }
        let seconds = u32::try_from(missing.saturating_add(MICROSECONDS - 1) / MICROSECONDS);
        Err(Exhausted { retry_after: seconds.unwrap_or(u32::MAX) })
    }
}

impl Debt {
    /// Microseconds until all is back. A clock that was set back does not prolong it: nobody owes more than the whole.
    fn owed(&mut self, rate: Rate, now: UnixTime) -> i64 {
        let now = microseconds(now);
        self.paid_at = self.paid_at.min(now.saturating_add(rate.whole));
        self.paid_at.saturating_sub(now).max(0)
    }
}

/// The entry of `key`, in place of the least debt if there is none.
fn entry(set: &mut [Debt; WAYS], key: BudgetKey) -> &mut Debt {
    let known = set.iter().position(|debt| debt.key == key);
    let least = || set.iter().enumerate().min_by_key(|(_, debt)| debt.paid_at).map(|(index, _)| index);
    let index = known.or_else(least).unwrap_or_default();
    if known.is_none() {
        set[index] = Debt { key, ..NO_DEBT };
    }
    &mut set[index]
}

const fn microseconds(time: UnixTime) -> i64 {
    time.0.saturating_mul(MICROSECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn taken(budgets: &Budgets, key: BudgetKey, rate: Rate, now: UnixTime) -> usize {
        (0..100_000).take_while(|_| budgets.take(key, rate, now).is_ok()).count()
    }

    #[test]
    fn what_is_used_up_comes_back_unit_by_unit_when_it_was_said_to() {
        let (budgets, rate) = (Budgets::default(), Rate::of(20, 600).unwrap());
        let key = budgets.key("somebody");
        assert_eq!(taken(&budgets, key, rate, NOW), 20);
        assert_eq!(budgets.check(key, rate, NOW), Err(Exhausted { retry_after: 30 }));
        assert_eq!(budgets.check(key, rate, NOW.plus(29)), Err(Exhausted { retry_after: 1 }));
        assert_eq!(taken(&budgets, key, rate, NOW.plus(30)), 1);
        assert_eq!(taken(&budgets, key, rate, NOW.plus(10_000)), 20, "never more than all");
        assert_eq!(budgets.check(budgets.key("somebody else"), rate, NOW), Ok(()));
    }

    #[test]
    fn what_was_said_of_the_wait_is_true_at_any_rate() {
        for (units, seconds) in [(1, 1), (1, 86_400), (3, 100), (7, 600), (10_000, 600), (10_000, 1)] {
            let (budgets, rate) = (Budgets::default(), Rate::of(units, seconds).unwrap());
            let key = budgets.key("somebody");
            while budgets.take(key, rate, NOW).is_ok() {}
            let wait = budgets.check(key, rate, NOW).unwrap_err().retry_after;
            assert!(wait >= 1 && budgets.check(key, rate, NOW.plus(i64::from(wait) - 1)).is_err(), "{units}/{seconds}");
            assert_eq!(budgets.check(key, rate, NOW.plus(wait.into())), Ok(()), "{units}/{seconds}");
        }
    }

    #[test]
    fn a_rate_of_a_minute_is_kept_over_minutes_whatever_may_come_at_once() {
        for (per_minute, at_once) in [(60, 1), (60, 30), (6000, 1), (7, 2), (60_000, 10)] {
            let (budgets, rate) = (Budgets::default(), Rate::per_minute(per_minute, at_once).unwrap());
            let key = budgets.key("somebody");
            let total: usize = (0..600).map(|second| taken(&budgets, key, rate, NOW.plus(second))).sum();
            let (least, most) =
                (per_minute * 10 - 2 - per_minute / 60, per_minute * 10 + at_once + per_minute / 60 + 1);
            assert!((least..=most).contains(&u32::try_from(total).unwrap()), "{per_minute}: {total}");
        }
    }

    #[test]
    fn no_units_are_no_limit() {
        assert_eq!((Rate::of(0, 60), Rate::per_minute(0, 5)), (None, None));
    }

    #[test]
    fn a_clock_that_was_ahead_locks_nobody_out_for_longer_than_a_refill() {
        let (budgets, rate) = (Budgets::default(), Rate::of(20, 600).unwrap());
        let key = budgets.key("somebody");
        taken(&budgets, key, rate, NOW.plus(365 * 86_400));
        assert_eq!(budgets.check(key, rate, NOW), Err(Exhausted { retry_after: 30 }));
        assert_eq!(taken(&budgets, key, rate, NOW.plus(600)), 20);
    }

    #[test]
    fn a_flood_of_new_keys_neither_grows_the_table_nor_frees_who_owes_most() {
        // R54
        let (budgets, rate) = (Budgets::with_sets(4), Rate::of(20, 600).unwrap());
        let key = budgets.key("somebody");
        taken(&budgets, key, rate, NOW);
        for stranger in 0..10_000 {
            budgets.take(budgets.key(stranger), rate, NOW).unwrap();
        }
        assert!(budgets.check(key, rate, NOW).is_err());
        assert_eq!(budgets.sets.len() * WAYS, 32);
    }
}

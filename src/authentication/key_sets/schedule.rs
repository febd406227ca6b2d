//! When a key set is fetched next.

use crate::{clock::UnixTime, random};

/// Seconds from one fetch to another that somebody asks for, at least (R41).
const COOLDOWN: i64 = 30;

/// Seconds from the first failure to the next attempt; twice as many after each further one.
const FIRST_RETRY: i64 = 10;

/// The next fetch of one set, by the server's clock.
#[derive(Debug)]
pub(super) struct Schedule {
    due_at: UnixTime,
    begun_at: Option<UnixTime>,
    failures: u32,
}

impl Schedule {
    pub(super) const fn due_at(due_at: UnixTime) -> Self {
        Self { due_at, begun_at: None, failures: 0 }
    }

    pub(super) const fn next(&self) -> UnixTime {
        self.due_at
    }

    /// A clock that was put back does not put off the next fetch by more than `refresh_after`.
    pub(super) fn is_due(&self, now: UnixTime, refresh_after: i64) -> bool {
        let wait = self.due_at.since(now);
        wait <= 0 || wait > refresh_after.max(COOLDOWN)
    }

    /// Until it is known how it ended, nobody begins another fetch.
    pub(super) fn begin(&mut self, now: UnixTime) {
        (self.begun_at, self.due_at) = (Some(now), now.plus(COOLDOWN));
    }

    /// The whole fleet of sets is not due in the same second: up to a tenth is left off.
    pub(super) fn succeeded(&mut self, now: UnixTime, refresh_after: i64) {
        let tenth = i64::from(u16::from_be_bytes(random::bytes())) * (refresh_after / 10) / i64::from(u16::MAX);
        (self.failures, self.due_at) = (0, now.plus(refresh_after - tenth));
    }

    pub(super) fn failed(&mut self, now: UnixTime, refresh_after: i64) {
        let retry = FIRST_RETRY << self.failures.min(16);
        (self.failures, self.due_at) = (self.failures.saturating_add(1), now.plus(retry.min(refresh_after)));
    }

    /// Somebody needs it sooner.
    pub(super) fn hasten(&mut self) {
        if let Some(begun_at) = self.begun_at {
            self.due_at = self.due_at.min(begun_at.plus(COOLDOWN));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn wait(schedule: &Schedule) -> i64 {
        schedule.next().since(NOW)
    }

    // R41
    #[test]
    fn a_set_is_fetched_at_once_then_when_it_is_due_or_after_the_cooldown_when_it_is_needed() {
        let mut schedule = Schedule::due_at(NOW);
        assert!(schedule.is_due(NOW, 600));
        schedule.begin(NOW);
        assert!(!schedule.is_due(NOW, 600));
        schedule.succeeded(NOW, 600);
        assert!((540..=600).contains(&wait(&schedule)));
        for _ in 0..1_000 {
            schedule.hasten();
        }
        assert_eq!(wait(&schedule), 30);
        assert!(!schedule.is_due(NOW.plus(29), 600) && schedule.is_due(NOW.plus(30), 600));
    }

    #[test]
    fn failures_wait_longer_each_time_up_to_the_refresh_and_a_success_forgets_them() {
        let mut schedule = Schedule::due_at(NOW);
        let waits: Vec<_> = (0..8)
            .map(|_| {
                schedule.failed(NOW, 600);
                wait(&schedule)
            })
            .collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600]);
        schedule.succeeded(NOW, 600);
        schedule.failed(NOW, 600);
        assert_eq!(wait(&schedule), 10);
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_put_off_the_fetch() {
        let mut schedule = Schedule::due_at(NOW);
        schedule.succeeded(NOW, 600);
        assert!(schedule.is_due(NOW.plus(-3_600), 600));
    }
}

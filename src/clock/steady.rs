//! Time that never goes back, whatever the machine's clock does: what has ended stays ended.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Clock, UnixTime};

/// How far a clock may be from where it should be after a second, or whenever it is looked at next: it is set in small
/// steps now and then, and shows whole seconds.
const TOLERANCE: i64 = 5;

/// Shows what another clock shows. While that one is behind what was shown already, time goes on from there by the
/// monotonic clock.
pub struct SteadyClock {
    wall: Arc<dyn Clock>,
    elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
    /// The latest time that was shown.
    shown: AtomicI64,
    /// When that was, by the monotonic clock.
    shown_at: Mutex<Duration>,
    looked: Mutex<Looked>,
}

#[derive(Default)]
struct Looked {
    /// What the two clocks showed.
    last: Option<(UnixTime, Duration)>,
    jump: Option<ClockJump>,
}

/// A clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockJump {
    /// To which time.
    pub to: UnixTime,
    /// By how many seconds; negative when it went back.
    pub seconds: i64,
}

impl SteadyClock {
    /// Over `wall`, by the machine's monotonic clock.
    pub fn over(wall: Arc<dyn Clock>) -> Self {
        let start = Instant::now();
        Self::by(wall, move || start.elapsed())
    }

    /// Over `wall`, where `elapsed` says how long something has been going on.
    pub fn by(wall: Arc<dyn Clock>, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let (shown, shown_at) = (AtomicI64::new(wall.now().0), Mutex::new(elapsed()));
        Self { wall, elapsed: Box::new(elapsed), shown, shown_at, looked: Mutex::default() }
    }

    /// The time.
    pub fn now(&self) -> UnixTime {
        let wall = self.wall.now();
        if wall.0 == self.shown.load(Ordering::Acquire) {
            return wall;
        }
        let mut shown_at = self.shown_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (shown, elapsed) = (UnixTime(self.shown.load(Ordering::Acquire)), (self.elapsed)());
        if wall >= shown {
            *shown_at = elapsed;
            self.shown.store(wall.0, Ordering::Release);
            return wall;
        }
        let passed = elapsed.saturating_sub(*shown_at).as_secs();
        let now = shown.plus(i64::try_from(passed).unwrap_or(i64::MAX));
        *shown_at += Duration::from_secs(passed); // the rest of a second counts for the next one
        self.shown.store(now.0, Ordering::Release);
        now
    }

    /// How far the clock below is behind the time that is shown, in seconds.
    pub fn behind(&self) -> i64 {
        self.now().since(self.wall.now()).max(0)
    }

    /// Was the clock below set since the last look?
    pub fn look(&self) -> Option<ClockJump> {
        let (wall, elapsed) = (self.wall.now(), (self.elapsed)());
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall_before, elapsed_before) = looked.last.replace((wall, elapsed))?;
        let passed = i64::try_from(elapsed.saturating_sub(elapsed_before).as_secs()).unwrap_or(i64::MAX);
        let seconds = wall.since(wall_before).saturating_sub(passed);
        let jump = ClockJump { to: wall, seconds };
        (seconds.abs() > TOLERANCE).then(|| *looked.jump.insert(jump))
    }

    /// The last time that [`Self::look`] saw it set.
    pub fn last_jump(&self) -> Option<ClockJump> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).jump
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> UnixTime {
        self.now()
    }
}

impl fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SteadyClock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const START: UnixTime = UnixTime(1_800_000_000);

    /// A wall clock, and one over it, which goes by milliseconds that the test lets pass.
    fn clocks() -> (Arc<ManualClock>, Arc<AtomicI64>, SteadyClock) {
        let (wall, passed) = (Arc::new(ManualClock::at(START)), Arc::new(AtomicI64::new(0)));
        let milliseconds = passed.clone();
        let elapsed = move || Duration::from_millis(milliseconds.load(Ordering::Relaxed).try_into().unwrap());
        let steady = SteadyClock::by(wall.clone(), elapsed);
        (wall, passed, steady)
    }

    // R21, R34
    #[test]
    fn a_clock_that_is_set_back_goes_on_from_where_it_was_until_the_machines_has_caught_up() {
        let (wall, passed, steady) = clocks();
        wall.advance(100);
        assert_eq!(steady.now(), START.plus(100));
        wall.advance(-3_600);
        assert_eq!((steady.now(), steady.behind()), (START.plus(100), 3_600));
        for (milliseconds, expected) in [(700, 100), (700, 101), (700, 102), (10_000, 112)] {
            passed.fetch_add(milliseconds, Ordering::Relaxed);
            assert_eq!(steady.now(), START.plus(expected));
        }
        wall.advance(3_600 + 11);
        assert_eq!(steady.now(), START.plus(112), "a second ahead, and still by the monotonic clock");
        wall.advance(2);
        assert_eq!((steady.now(), steady.behind()), (START.plus(113), 0));
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_forward_is_shown_as_it_is() {
        let (wall, passed, steady) = clocks();
        passed.fetch_add(60_000, Ordering::Relaxed);
        assert_eq!(steady.now(), START);
        wall.advance(86_400);
        assert_eq!(steady.now(), START.plus(86_400));
    }

    #[test]
    fn a_jump_is_seen_once_and_by_how_much() {
        let (wall, passed, steady) = clocks();
        let after = |wall_seconds: i64, seconds: i64| {
            wall.advance(wall_seconds);
            passed.fetch_add(seconds * 1_000, Ordering::Relaxed);
            steady.look().map(|jump| jump.seconds)
        };
        assert_eq!(after(0, 0), None);
        assert_eq!(after(61, 60), None);
        assert_eq!(after(3_601, 1), Some(3_600));
        assert_eq!(after(1, 1), None);
        assert_eq!(after(-3_599, 1), Some(-3_600));
        assert_eq!(steady.last_jump(), Some(ClockJump { to: START.plus(64), seconds: -3_600 }));
    }
}

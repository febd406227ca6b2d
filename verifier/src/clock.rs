//! The time of day, in Unix seconds, which whoever builds something of this crate may replace.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

pub(crate) struct Clock(Box<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    pub(crate) fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Box::new(clock))
    }

    pub(crate) fn now(&self) -> i64 {
        (self.0)()
    }
}

/// The system's.
impl Default for Clock {
    fn default() -> Self {
        Self::new(system_time)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

/// Before 1970 is taken for 1970: then nothing is valid yet.
#[expect(clippy::disallowed_methods, reason = "the default clock, which can be replaced")]
fn system_time() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}

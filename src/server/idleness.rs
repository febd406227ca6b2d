//! When a connection has nothing to do.

use tokio::{sync::watch, time::Instant};

use super::limits::Limits;

/// What is going on in one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Activity {
    requests_in_flight: usize,
    has_served: bool,
    since: Instant,
}

/// What to do with a connection that has been idle for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdleEnd {
    /// It never sent a whole request: it is owed nothing.
    Cut,
    /// It may be about to send one, and deserves a proper end.
    Ask,
}

impl Activity {
    /// The activity of a connection that is ready now.
    pub(super) fn begin() -> watch::Sender<Self> {
        watch::Sender::new(Self { requests_in_flight: 0, has_served: false, since: Instant::now() })
    }

    /// When it has been idle for too long, and what happens then; none while it is not idle.
    pub(super) fn deadline(&self, limits: &Limits) -> Option<(Instant, IdleEnd)> {
        match (self.requests_in_flight, self.has_served) {
            (0, false) => Some((self.since + limits.header_timeout, IdleEnd::Cut)),
            (0, true) => Some((self.since + limits.idle_timeout, IdleEnd::Ask)),
            _ => None,
        }
    }
}

/// A request in flight, until it is dropped.
pub(super) struct RequestInFlight(watch::Sender<Activity>);

impl RequestInFlight {
    pub(super) fn begin(activity: watch::Sender<Activity>) -> Self {
        activity.send_modify(|activity| {
            activity.requests_in_flight += 1;
            activity.has_served = true;
        });
        Self(activity)
    }
}

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.0.send_modify(|activity| {
            activity.requests_in_flight -= 1;
            activity.since = Instant::now();
        });
    }
}

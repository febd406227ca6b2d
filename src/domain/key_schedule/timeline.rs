//! What happens to the keys next, as far as it can be told.

use careconnect_verifier::Algorithm;

use super::{KeySchedule, KeyState, active, next, superseded_at};
use crate::{clock::UnixTime, domain::SigningKeyRecord};

/// One thing that will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: UnixTime,
    /// To a key of this algorithm.
    pub algorithm: Algorithm,
    /// Which; none of one that is not made yet.
    pub kid: Option<String>,
    /// What.
    pub what: What,
}

/// What happens to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It is made and published.
    Published,
    /// Its turn comes.
    Active,
    /// Its successor's turn comes.
    Retiring,
    /// It is published no longer.
    Gone,
}

impl What {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
        }
    }

    /// For people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Published => "is made and published",
            Self::Active => "signs from now on",
            Self::Retiring => "signs no more",
            Self::Gone => "is published no longer",
        }
    }
}

/// What happens to the published keys and their successors, in the order of time. Successors are made for the algorithms
/// `makes`.
pub fn timeline(schedule: &KeySchedule, keys: &[SigningKeyRecord], makes: &[Algorithm], now: UnixTime) -> Vec<Event> {
    let mut events = Vec::new();
    for key in keys.iter().filter(|key| schedule.state(key, keys, now).is_published()) {
        let mut push = |at, what| {
            events.push(Event { at, algorithm: key.algorithm, kid: Some(key.kid.to_string()), what });
        };
        if schedule.state(key, keys, now) == KeyState::Next {
            push(key.activates_at, What::Active);
        }
        match key.retired_at {
            Some(at) => push(at.plus(schedule.keep_after), What::Gone),
            None => {
                if let Some(at) = superseded_at(key, keys) {
                    if at > now {
                        push(at, What::Retiring);
                    }
                    push(at.plus(schedule.keep_after), What::Gone);
                }
            }
        }
    }
    for &algorithm in makes {
        let Some(latest) = next(keys, algorithm, now).or_else(|| active(keys, algorithm, now)) else { continue };
        let Some(every) = schedule.rotate_every else { continue };
        let made_at = latest.activates_at.plus(every - schedule.publish_ahead).max(now);
        let turn = latest.activates_at.plus(every).max(made_at.plus(schedule.cache_time));
        let latest = Some(latest.kid.to_string());
        let retiring = Event { at: turn, algorithm, kid: latest.clone(), what: What::Retiring };
        let gone = Event { at: turn.plus(schedule.keep_after), algorithm, kid: latest, what: What::Gone };
        let made = |at, what| Event { at, algorithm, kid: None, what };
        events.extend([made(made_at, What::Published), made(turn, What::Active), retiring, gone]);
    }
    events.sort_by_key(|event| (event.at, event.algorithm, event.what));
    events
}

//! The life of signing keys: next → active → retiring → gone, for each algorithm by itself. Everything here is a function
//! of the keys' dates and of `now`; what follows is carried out elsewhere.
//!
//! ```text
//! published_at        activates_at       activates_at of the successor     keep_after later
//!      │      next          │      active               │       retiring          │   gone
//!      └── at least cache_time ──┘                      └── until its last token has ended ──┘
//! ```

mod timeline;

use careconnect_verifier::Algorithm;

pub use timeline::{Event, timeline};

use super::SigningKeyRecord;
use crate::clock::UnixTime;

/// How long the stages last, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    /// How long a key signs; none when keys are rotated by hand only.
    pub rotate_every: Option<i64>,
    /// How long before its turn the next key is published by the schedule.
    pub publish_ahead: i64,
    /// How long a key is published at least before it signs: what others may cache, and what nodes may be late.
    pub cache_time: i64,
    /// How long a key is published after its last turn: until the last token that any node signed with it has ended.
    pub keep_after: i64,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published, and not used yet.
    Next,
    /// Signs.
    Active,
    /// Published, so that what it signed can be verified.
    Retiring,
    /// Published no longer.
    Gone,
    /// Ended by an administrator: nothing that it signed counts.
    Withdrawn,
}

impl KeyState {
    /// Its name in answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Gone => "gone",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Is a key in this state in the key set?
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Next | Self::Active | Self::Retiring)
    }
}

/// Something that is to be done to the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyStep {
    /// Make a key and publish it.
    Publish {
        /// What it is for.
        algorithm: Algorithm,
        /// When its turn comes.
        activates_at: UnixTime,
    },
    /// Let the turn of a published key come then.
    Reschedule {
        /// Which.
        kid: Box<str>,
        /// When its turn comes.
        activates_at: UnixTime,
    },
    /// Write down that a later key signs since then.
    Retire {
        /// Which.
        kid: Box<str>,
        /// Since when.
        at: UnixTime,
    },
    /// Let nothing count any more that it signed.
    Withdraw {
        /// Which.
        kid: Box<str>,
    },
    /// Write down that it is published no longer.
    Forget {
        /// Which.
        kid: Box<str>,
    },
    /// Destroy the private half of one that is gone or withdrawn.
    Destroy {
        /// Which.
        kid: Box<str>,
    },
}

impl KeySchedule {
    /// Where `key`, one of `keys`, is in its life.
    pub fn state(&self, key: &SigningKeyRecord, keys: &[SigningKeyRecord], now: UnixTime) -> KeyState {
        if key.withdrawn_at.is_some() {
            return KeyState::Withdrawn;
        }
        match key.gone_at.or_else(|| self.ends_at(key, keys, now)) {
            Some(ends_at) if key.gone_at.is_some() || ends_at <= now => KeyState::Gone,
            Some(_) => KeyState::Retiring,
            None if active(keys, key.algorithm, now).is_some_and(|active| active.kid == key.kid) => KeyState::Active,
            None => KeyState::Next,
        }
    }

    /// When a key that signs no more is to go; none of one that still has its turn.
    fn ends_at(&self, key: &SigningKeyRecord, keys: &[SigningKeyRecord], now: UnixTime) -> Option<UnixTime> {
        let ends_at = self.foreseen_end(key, keys)?;
        (ends_at.plus(-self.keep_after) <= now || key.retired_at.is_some()).then_some(ends_at)
    }

    /// The same as far as it is known, of one that has a successor.
    fn foreseen_end(&self, key: &SigningKeyRecord, keys: &[SigningKeyRecord]) -> Option<UnixTime> {
        let retired_at = key.retired_at.or_else(|| superseded_at(key, keys))?;
        Some(retired_at.plus(self.keep_after))
    }

    /// The keys of the key set, the latest first.
    pub fn published<'a>(&self, keys: &'a [SigningKeyRecord], now: UnixTime) -> Vec<&'a SigningKeyRecord> {
        let mut published: Vec<_> = keys.iter().filter(|key| self.state(key, keys, now).is_published()).collect();
        published.sort_by(|one, other| turn(other).cmp(&turn(one)));
        published
    }

    /// When the key set changes by itself next.
    pub fn changes_at(&self, keys: &[SigningKeyRecord], now: UnixTime) -> Option<UnixTime> {
        let published = keys.iter().filter(|key| self.state(key, keys, now).is_published());
        published.filter_map(|key| self.foreseen_end(key, keys)).min()
    }

    /// When the key set changed last.
    pub fn changed_at(&self, keys: &[SigningKeyRecord], now: UnixTime) -> Option<UnixTime> {
        let ended = |key: &SigningKeyRecord| {
            key.withdrawn_at.or(key.gone_at).or_else(|| self.ends_at(key, keys, now)).filter(|at| *at <= now)
        };
        keys.iter().flat_map(|key| [Some(key.published_at), ended(key)]).flatten().filter(|at| *at <= now).max()
    }

    /// What is due at `now`. Keys are made for `algorithms`; those of others live on until somebody brings their
    /// successors.
    pub fn due(&self, keys: &[SigningKeyRecord], algorithms: &[Algorithm], now: UnixTime) -> Vec<KeyStep> {
        let published = algorithms.iter().filter_map(|&algorithm| self.publication(keys, algorithm, now));
        self.overdue(keys, now).into_iter().chain(published).collect()
    }

    /// The key of that algorithm that is to be made, if one is.
    pub fn publication(&self, keys: &[SigningKeyRecord], algorithm: Algorithm, now: UnixTime) -> Option<KeyStep> {
        let activates_at = match active(keys, algorithm, now) {
            None => now, // nobody can have cached a key set without it
            Some(_) if next(keys, algorithm, now).is_some() => return None,
            Some(active) => {
                let turn = active.activates_at.plus(self.rotate_every?);
                if now < turn.plus(-self.publish_ahead) {
                    return None;
                }
                turn.max(now.plus(self.cache_time))
            }
        };
        Some(KeyStep::Publish { algorithm, activates_at })
    }

    /// What has happened by itself, and is not written down yet.
    pub fn overdue(&self, keys: &[SigningKeyRecord], now: UnixTime) -> Vec<KeyStep> {
        let mut steps = Vec::new();
        for key in keys {
            let kid = || key.kid.as_ref().into();
            if let (true, Some(at)) = (key.is_live(), superseded_at(key, keys).filter(|at| *at <= now)) {
                steps.push(KeyStep::Retire { kid: kid(), at });
            } else if key.gone_at.is_none() && self.state(key, keys, now) == KeyState::Gone {
                steps.push(KeyStep::Forget { kid: kid() });
            } else if (key.gone_at.is_some() || key.withdrawn_at.is_some())
                && key.private_half != super::PrivateHalf::Nowhere
            {
                steps.push(KeyStep::Destroy { kid: kid() });
            }
        }
        steps
    }

    /// The next key's turn, as early as others can know it: of one that is published, or of one that is made for it.
    pub fn rotation(&self, keys: &[SigningKeyRecord], algorithm: Algorithm, now: UnixTime) -> KeyStep {
        match next(keys, algorithm, now) {
            Some(next) => {
                let activates_at = next.published_at.plus(self.cache_time).max(now);
                KeyStep::Reschedule { kid: next.kid.as_ref().into(), activates_at }
            }
            None if active(keys, algorithm, now).is_none() => KeyStep::Publish { algorithm, activates_at: now },
            None => KeyStep::Publish { algorithm, activates_at: now.plus(self.cache_time) },
        }
    }
}

/// The key of that algorithm that signs at `now`: the latest whose turn has come. Where none has, because the one before
/// was withdrawn, the turn of the first has come; so there is one as long as there is any.
pub fn active(keys: &[SigningKeyRecord], algorithm: Algorithm, now: UnixTime) -> Option<&SigningKeyRecord> {
    let live = || keys.iter().filter(move |key| key.algorithm == algorithm && key.is_live());
    live()
        .filter(|key| key.activates_at <= now)
        .max_by_key(|key| turn(key))
        .or_else(|| live().min_by_key(|key| turn(key)))
}

/// The key of that algorithm whose turn comes next.
pub fn next(keys: &[SigningKeyRecord], algorithm: Algorithm, now: UnixTime) -> Option<&SigningKeyRecord> {
    let active = active(keys, algorithm, now)?;
    let later = keys.iter().filter(|key| key.algorithm == algorithm && key.is_live() && turn(key) > turn(active));
    later.min_by_key(|key| turn(key))
}

/// When a later key of its algorithm has its turn.
fn superseded_at(key: &SigningKeyRecord, keys: &[SigningKeyRecord]) -> Option<UnixTime> {
    let later = keys
        .iter()
        .filter(|other| other.algorithm == key.algorithm && other.withdrawn_at.is_none() && turn(other) > turn(key));
    later.map(|other| other.activates_at).min()
}

/// The order in which keys have their turns; two of one second go by their ids, on every node alike.
pub fn turn(key: &SigningKeyRecord) -> (UnixTime, &str) {
    (key.activates_at, &key.kid)
}

#[cfg(test)]
mod tests;

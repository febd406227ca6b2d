//! The published key set (RFC 7517 §5), written once for each state of the keys and served as it is.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    clock::UnixTime,
    crypto,
    domain::{KeySchedule, SigningKeyRecord},
};

/// The key set's document.
#[derive(Debug, Clone)]
pub struct KeySet {
    json: String,
    etag: String,
    kids: Vec<Box<str>>,
    changed_at: UnixTime,
    changes_at: Option<UnixTime>,
}

impl KeySet {
    /// The public halves of those of `keys` that are published at `now`, the latest first.
    pub fn at(now: UnixTime, keys: &[SigningKeyRecord], schedule: &KeySchedule) -> Self {
        let published = schedule.published(keys, now);
        let changed_at = schedule.changed_at(keys, now).unwrap_or(now);
        Self { changed_at, changes_at: schedule.changes_at(keys, now), ..Self::of(published.into_iter()) }
    }

    /// The public halves of all of `keys` in their order, whatever became of them: for what was signed long ago.
    pub fn of<'a>(keys: impl Iterator<Item = &'a SigningKeyRecord> + Clone) -> Self {
        let members: Vec<String> = keys.clone().map(SigningKeyRecord::public_json).collect();
        let json = format!(r#"{{"keys":[{}]}}"#, members.join(","));
        let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(crypto::sha256(json.as_bytes())));
        let kids = keys.map(|key| key.kid.as_ref().into()).collect();
        Self { json, etag, kids, changed_at: UnixTime(0), changes_at: None }
    }

    /// The document.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Its strong entity tag, quotes included: another document has another one (RFC 9110 §8.8.3).
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The ids of its keys.
    pub fn kids(&self) -> &[Box<str>] {
        &self.kids
    }

    /// When it became what it is.
    pub const fn changed_at(&self) -> UnixTime {
        self.changed_at
    }

    /// Is it what is published at `now`, too?
    pub fn holds_at(&self, now: UnixTime) -> bool {
        self.changes_at.is_none_or(|at| now < at)
    }

    /// The `Cache-Control` that lets others keep it for `longest` seconds, or until it changes by itself.
    pub fn cache_control(&self, longest: i64, now: UnixTime) -> String {
        let max_age = self.changes_at.map_or(longest, |at| at.since(now).clamp(1, longest));
        format!("public, max-age={max_age}")
    }
}

//! The list of revocations: a small signed document for verifiers that ask every few seconds, served from memory.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::{
    clock::UnixTime,
    crypto,
    registry::{Registry, Revocations},
    signing::{Keys, SigningError},
};

/// The `typ` of its header. No verifier of access tokens takes it for one, nor a token for it (R24).
pub const TYPE: &str = "careconnect-revocations+jwt";
/// Seconds for which a verifier may believe it.
const LIFE: i64 = 300;
/// Seconds after which the register was not seen for a while.
const LATE: i64 = 5;
/// Seconds after which it is signed again though nothing has changed.
const RENEWED_AFTER: i64 = 60;

/// The list as it was signed last.
#[derive(Debug, Default)]
pub struct RevocationList {
    signed: ArcSwapOption<SignedList>,
}

/// One signed list.
#[derive(Debug)]
pub struct SignedList {
    /// The compact JWS.
    pub jws: String,
    /// Its strong entity tag, quotes included (RFC 9110 §8.8.3).
    pub etag: String,
    signed_at: UnixTime,
    revision: i64,
    contents: Contents,
}

/// What it says beside who says it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Contents {
    #[serde(flatten)]
    revocations: Revocations,
    keys: Vec<String>,
}

#[derive(Serialize)]
struct Statement<'a> {
    iss: &'a str,
    iat: UnixTime,
    exp: UnixTime,
    #[serde(flatten)]
    contents: &'a Contents,
}

impl RevocationList {
    /// The list as of `now`: the one that was signed last, unless the register says something else, or it is a minute old.
    pub async fn current(
        &self,
        issuer: &str,
        registry: &Registry,
        keys: &Keys,
        max_staleness: i64,
        now: UnixTime,
    ) -> Result<Arc<SignedList>, SigningError> {
        let (revision, withdrawn) = (registry.revision(), withdrawn_keys(keys, now));
        let last = self.signed.load_full();
        let last = last.filter(|last| (0..RENEWED_AFTER).contains(&now.since(last.signed_at)));
        if let Some(last) = last.as_ref().filter(|last| last.revision == revision && last.contents.keys == withdrawn) {
            return Ok(last.clone());
        }
        let contents = Contents { revocations: registry.revocations(max_staleness, now), keys: withdrawn };
        let next = match last.filter(|last| last.contents == contents) {
            Some(last) => SignedList { jws: last.jws.clone(), etag: last.etag.clone(), revision, contents, ..*last },
            None => SignedList::sign(issuer, keys, contents, revision, (as_of(registry, now), now)).await?,
        };
        let next = Arc::new(next);
        self.signed.store(Some(next.clone()));
        Ok(next)
    }
}

impl SignedList {
    async fn sign(
        issuer: &str,
        keys: &Keys,
        contents: Contents,
        revision: i64,
        (as_of, now): (UnixTime, UnixTime),
    ) -> Result<Self, SigningError> {
        let statement = Statement { iss: issuer, iat: as_of, exp: now.plus(LIFE), contents: &contents };
        let jws = keys.sign_statement(TYPE, &statement).await?;
        let etag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(crypto::sha256(jws.as_bytes())));
        Ok(Self { jws, etag, signed_at: now, revision, contents })
    }
}

/// Of when the list is: of a register that was not seen for a while, of when it was. So the list of a node that is cut off
/// takes no newer one's place.
fn as_of(registry: &Registry, now: UnixTime) -> UnixTime {
    if registry.age(now) <= LATE { now } else { registry.synced_at().min(now) }
}

/// The ids of keys that were withdrawn, sorted, until the last token that any node signed with them has ended.
fn withdrawn_keys(keys: &Keys, now: UnixTime) -> Vec<String> {
    let ring = keys.ring();
    let matters = |at: UnixTime| now <= at.plus(ring.schedule().keep_after);
    let withdrawn = ring.records().iter().filter(|key| key.withdrawn_at.is_some_and(matters));
    let mut kids: Vec<_> = withdrawn.map(|key| key.kid.to_string()).collect();
    kids.sort_unstable();
    kids
}

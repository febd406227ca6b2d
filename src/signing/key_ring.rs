//! The keys that sign, and the key set, as of any time: which key it is, its dates say.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arc_swap::ArcSwap;
use careconnect_verifier::Algorithm;

use super::{KeySet, KeyStores, SigningError, jws::Signer};
use crate::{
    clock::UnixTime,
    domain::{KeySchedule, SigningKeyRecord},
};

/// All signing keys of one state of the register. It does not change; another state makes another ring.
#[derive(Debug)]
pub struct KeyRing {
    records: Arc<[SigningKeyRecord]>,
    schedule: KeySchedule,
    /// By algorithm, in the order of their turns: those that sign, or will.
    turns: BTreeMap<Algorithm, Vec<Turn>>,
    key_set: ArcSwap<KeySet>,
}

#[derive(Debug)]
struct Turn {
    begins_at: UnixTime,
    kid: Arc<str>,
    /// None of a private half that cannot be opened here.
    signer: Option<Arc<Signer>>,
}

impl KeyRing {
    /// Takes over the records that the sealing key confirms, and opens the private halves that `former` does not have open
    /// yet. One that cannot be opened is logged: it is published all the same, for other nodes may sign with it.
    pub fn open(
        records: Arc<[SigningKeyRecord]>,
        stores: &KeyStores,
        schedule: KeySchedule,
        former: Option<&Self>,
        now: UnixTime,
    ) -> Self {
        let records: Arc<[_]> = if records.iter().all(|record| stores.confirm(record).is_ok()) {
            records
        } else {
            records.iter().filter(|record| is_confirmed(record, stores)).cloned().collect()
        };
        let withdrawn_at = |kid: &Arc<str>| {
            former?.records.iter().find(|before| before.kid == *kid).and_then(|before| before.withdrawn_at)
        };
        // What was withdrawn stays so here, whatever the database says later.
        let remembers =
            |record: &&SigningKeyRecord| record.withdrawn_at.is_none() && withdrawn_at(&record.kid).is_some();
        let records: Arc<[_]> = if records.iter().any(|record| remembers(&record)) {
            let kept = |record: &SigningKeyRecord| {
                let withdrawn_at = record.withdrawn_at.or_else(|| withdrawn_at(&record.kid));
                SigningKeyRecord { withdrawn_at, ..record.clone() }
            };
            records.iter().map(kept).collect()
        } else {
            records
        };
        let opened: HashMap<_, _> = former.into_iter().flat_map(Self::signers).collect();
        let mut turns = BTreeMap::<Algorithm, Vec<Turn>>::new();
        for record in records.iter().filter(|record| record.is_live()) {
            let signer = opened.get(&record.kid).cloned().or_else(|| open(record, stores));
            let turn = Turn { begins_at: record.activates_at, kid: record.kid.clone(), signer };
            turns.entry(record.algorithm).or_default().push(turn);
        }
        for turns in turns.values_mut() {
            turns.sort_by(|one, other| (one.begins_at, &one.kid).cmp(&(other.begins_at, &other.kid)));
        }
        let key_set = ArcSwap::from_pointee(KeySet::at(now, &records, &schedule));
        Self { records, schedule, turns, key_set }
    }

    /// All keys there ever were.
    pub const fn records(&self) -> &Arc<[SigningKeyRecord]> {
        &self.records
    }

    /// How long the stages of their life last.
    pub const fn schedule(&self) -> &KeySchedule {
        &self.schedule
    }

    /// The algorithms that have a key, in the order in which they are shown.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        Algorithm::FOR_TOKENS.into_iter().filter(|algorithm| self.turns.contains_key(algorithm)).collect()
    }

    /// What is published at `now`.
    pub fn key_set(&self, now: UnixTime) -> Arc<KeySet> {
        let written = self.key_set.load_full();
        if written.holds_at(now) {
            return written;
        }
        let rewritten = Arc::new(KeySet::at(now, &self.records, &self.schedule));
        self.key_set.store(rewritten.clone());
        rewritten
    }

    /// The one key that signs for `algorithm` at `now`: the same as [`active`](crate::domain::key_schedule::active).
    pub(super) fn signer(&self, algorithm: Algorithm, now: UnixTime) -> Result<&Arc<Signer>, SigningError> {
        let missing = SigningError::KeyMissing(algorithm);
        let Some(turns) = self.turns.get(&algorithm) else { return Err(missing) };
        let begun = turns.partition_point(|turn| turn.begins_at <= now);
        let turn = turns.get(begun.saturating_sub(1));
        turn.and_then(|turn| turn.signer.as_ref()).ok_or(missing)
    }

    /// The key whose turn comes next.
    pub(super) fn next_signer(&self, algorithm: Algorithm, now: UnixTime) -> Option<&Arc<Signer>> {
        let turns = self.turns.get(&algorithm)?;
        turns.get(turns.partition_point(|turn| turn.begins_at <= now).max(1))?.signer.as_ref()
    }

    /// Can it sign anything at `now`?
    pub fn signs(&self, now: UnixTime) -> bool {
        self.turns.keys().any(|&algorithm| self.signer(algorithm, now).is_ok())
    }

    /// Those that sign, or will, and cannot be opened here.
    pub fn unopened(&self) -> impl Iterator<Item = &Arc<str>> {
        self.turns.values().flatten().filter(|turn| turn.signer.is_none()).map(|turn| &turn.kid)
    }

    fn signers(&self) -> impl Iterator<Item = (Arc<str>, Arc<Signer>)> {
        self.turns.values().flatten().filter_map(|turn| Some((turn.kid.clone(), turn.signer.clone()?)))
    }
}

fn is_confirmed(record: &SigningKeyRecord, stores: &KeyStores) -> bool {
    let confirmed = stores.confirm(record);
    if let Err(error) = &confirmed {
        let kid = &record.kid;
        tracing::error!(event = "key_not_confirmed", %kid, %error, "a key is not published: its record was not made with our sealing key");
    }
    confirmed.is_ok()
}

fn open(record: &SigningKeyRecord, stores: &KeyStores) -> Option<Arc<Signer>> {
    match stores.key(record) {
        Ok(key) => Some(Arc::new(Signer::new(key))),
        Err(error) => {
            let (kid, algorithm) = (&record.kid, record.algorithm);
            tracing::error!(event = "key_not_opened", %kid, %algorithm, %error, "this node cannot sign with a key");
            None
        }
    }
}

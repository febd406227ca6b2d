//! One verifier's knowledge of what is withdrawn, kept up to date.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwapOption;

use super::{
    Instant, Polling, PublishedRevocations, RevocationState, Revocations, RevocationsUnavailable, document,
    list::RevocationList,
};
use crate::{KeySource, Rejection, VerifiedToken, meters, policy::Policy};

/// So long before a list ends, a whole one is asked for, whatever the entity tag says: the next is signed anew.
const LAST_SECONDS: i64 = 60;

pub(crate) struct Following {
    policy: Arc<Policy>,
    keys: Arc<dyn KeySource>,
    pub(super) revocations: Revocations,
    held: ArcSwapOption<Held>,
    /// What the last attempt met, until one succeeds.
    failure: ArcSwapOption<String>,
    /// Has it been told that tokens are accepted without a list?
    told: AtomicBool,
    pub(super) polling: Polling,
}

/// The newest list, and when the issuer was last asked and said that there is no newer.
struct Held {
    list: Arc<RevocationList>,
    entity_tag: Option<String>,
    confirmed: Instant,
}

impl Following {
    pub(crate) fn new(policy: Arc<Policy>, keys: Arc<dyn KeySource>, revocations: Revocations) -> Self {
        let (held, failure) = (ArcSwapOption::empty(), ArcSwapOption::empty());
        let (told, polling) = (AtomicBool::new(false), Polling::default());
        Self { policy, keys, revocations, held, failure, told, polling }
    }

    /// Has the source asked from now on, if that is possible here; waits for its first answer.
    pub(crate) async fn keep_up(self: &Arc<Self>) {
        self.polling.keep_up(self).await;
    }

    /// The same, without waiting.
    pub(crate) fn keep_up_offline(self: &Arc<Self>) {
        self.polling.ensure(self);
    }

    /// Refuses what is withdrawn, and, unless configured otherwise, everything while that cannot be known.
    pub(crate) fn check(&self, token: &VerifiedToken) -> Result<(), Rejection> {
        let held = self.held.load();
        if let Some(withdrawn) = held.as_ref().and_then(|held| held.list.withdraws(token.claims(), token.key_id())) {
            return Err(Rejection::Revoked { withdrawn });
        }
        if held.as_ref().is_some_and(|held| self.is_fresh(held)) {
            return Ok(());
        }
        if !self.revocations.accept_when_stale {
            return Err(self.unavailable().into());
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            let reason = self.unavailable();
            tracing::warn!(%reason, "tokens are accepted although the issuer may have withdrawn them");
        }
        Ok(())
    }

    /// Asks the source once.
    pub(crate) async fn poll(&self) -> Result<(), RevocationsUnavailable> {
        let now = self.policy.clock.now();
        let outcome = self.renew().await;
        meters::fetched("revocations", &outcome);
        let before = self.failure.swap(outcome.as_ref().err().map(|failure| Arc::new(failure.0.clone())));
        match &outcome {
            Ok(()) => {
                meters::revocations_are_of(&self.policy.issuer, now);
                self.told.store(false, Ordering::Relaxed);
            }
            Err(failure) if before.as_deref() == Some(&failure.0) => {} // told already
            Err(failure) => tracing::warn!(%failure, "the issuer's revocations could not be had"),
        }
        outcome
    }

    async fn renew(&self) -> Result<(), RevocationsUnavailable> {
        let confirmed = Instant::now();
        let held = self.held.load_full();
        let lasts = |held: &&Arc<Held>| held.list.ends_at.saturating_sub(self.policy.clock.now()) > LAST_SECONDS;
        let known = held.as_ref().filter(lasts).and_then(|held| held.entity_tag.as_deref());
        let (list, entity_tag) = match (self.revocations.source.fetch(known).await?, &held) {
            (PublishedRevocations::Unchanged, Some(held)) => (held.list.clone(), held.entity_tag.clone()),
            (PublishedRevocations::Unchanged, None) => {
                return Err(RevocationsUnavailable("expected a list, received word that none is newer".to_owned()));
            }
            (PublishedRevocations::List { document, entity_tag }, held) => {
                let withdrawn = |key_id: &str| held.as_ref().is_some_and(|held| held.list.keys.contains(key_id));
                let list = document::read(&document, &self.policy, self.keys.as_ref(), withdrawn).await?;
                let (tokens, clients, keys) = (list.tokens.len(), list.clients.len(), list.keys.len());
                tracing::debug!(issued_at = list.issued_at, tokens, clients, keys, "received the issuer's revocations");
                (Arc::new(list), entity_tag)
            }
        };
        self.held.rcu(|held| {
            Some(Arc::new(match held {
                // One node of the issuer's may lag behind another. Its list is genuine and has not ended: it confirms ours.
                Some(newer) if newer.list.issued_at > list.issued_at => Held {
                    list: newer.list.clone(),
                    entity_tag: newer.entity_tag.clone(),
                    confirmed: newer.confirmed.max(confirmed),
                },
                _ => Held { list: list.clone(), entity_tag: entity_tag.clone(), confirmed },
            }))
        });
        Ok(())
    }

    /// Is there something to be waited for: a first list, or a newer one that the source has not failed to give?
    pub(super) fn lacks_list(&self) -> bool {
        self.failure.load().is_none() && !self.held.load().as_ref().is_some_and(|held| self.is_fresh(held))
    }

    pub(super) fn has_list(&self) -> bool {
        self.held.load().is_some()
    }

    pub(crate) fn state(&self) -> RevocationState {
        let held = self.held.load_full();
        let list = held.as_ref().map(|held| &held.list);
        RevocationState {
            is_stale: !held.as_ref().is_some_and(|held| self.is_fresh(held)),
            confirmed_ago: held.as_ref().map(|held| held.confirmed.elapsed()),
            issued_at: list.map(|list| list.issued_at),
            ends_at: list.map(|list| list.ends_at),
            tokens: list.map_or(0, |list| list.tokens.len()),
            clients: list.map_or(0, |list| list.clients.len()),
            keys: list.map_or(0, |list| list.keys.len()),
            failure: self.failure.load().as_deref().cloned(),
        }
    }

    fn is_fresh(&self, held: &Held) -> bool {
        held.confirmed.elapsed() < self.revocations.stale_after
            && held.list.ends_at > self.policy.clock.now().saturating_sub(self.policy.leeway)
    }

    fn unavailable(&self) -> RevocationsUnavailable {
        let failure = self.failure.load_full();
        RevocationsUnavailable(match failure {
            Some(failure) => failure.as_ref().clone(),
            None if self.has_list() => "the list has ended, or was not confirmed for too long".to_owned(),
            None => "none have been fetched yet".to_owned(),
        })
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("revocations", &self.revocations).field("state", &self.state()).finish()
    }
}

//! Consumers by what is known of them, a page at a time, for administrators: from memory, and as of now.

use std::sync::Arc;

use careconnect_verifier::ClientId;

use super::{Registry, search::ConsumerFilter};
use crate::{blocking::blocking, clock::UnixTime, domain::ConsumerSystem, storage::StorageError};

impl Registry {
    /// The first `limit` wanted consumers behind `after`, in the order of their client ids. All that was committed before is
    /// considered, whoever wrote it.
    pub async fn find_consumers(
        self: &Arc<Self>,
        filter: ConsumerFilter,
        after: Option<ClientId>,
        limit: usize,
        now: UnixTime,
    ) -> Result<Vec<Arc<ConsumerSystem>>, StorageError> {
        self.catch_up(true).await?;
        let registry = self.clone();
        Ok(blocking(move || registry.first_consumers(&filter, after.as_ref(), limit, now)).await)
    }

    fn first_consumers(
        &self,
        filter: &ConsumerFilter,
        after: Option<&ClientId>,
        limit: usize,
        now: UnixTime,
    ) -> Vec<Arc<ConsumerSystem>> {
        let snapshot = self.snapshot.load();
        let is_behind = |consumer: &ConsumerSystem| after.is_none_or(|after| consumer.client_id > *after);
        let is_wanted = |consumer: &&Arc<ConsumerSystem>| {
            is_behind(consumer) && filter.matches(consumer, &snapshot.assured(consumer), now)
        };
        let mut found: Vec<_> = snapshot.consumers().filter(is_wanted).collect();
        if found.len() > limit {
            found.select_nth_unstable_by(limit, |one, other| one.client_id.cmp(&other.client_id));
            found.truncate(limit);
        }
        found.sort_unstable_by(|one, other| one.client_id.cmp(&other.client_id));
        found.into_iter().cloned().collect()
    }
}

//! Writes down what waits: one commit for all that came while the last one was under way.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{Record, ReplayRefused, ReplayStore};
use crate::{
    clock::UnixTime,
    storage::{LARGEST_GROUP, StorageError},
};

impl ReplayStore {
    /// Writes until the last guard is gone and nothing waits any more: those who still serve while the server stops
    /// need it. One task does this at a time; a second one waits for the first to end.
    pub async fn write(self: Arc<Self>) {
        let mut waiting = self.waiting.lock().await;
        let (mut group, mut reached) = (Vec::with_capacity(LARGEST_GROUP), true);
        while waiting.recv_many(&mut group, LARGEST_GROUP).await > 0 {
            group.retain(|record: &Record| !record.answer.is_closed()); // its caller has been told that it failed
            let outcome = self.write_group(&group).await;
            report(&mut reached, outcome.as_ref().err());
            answer(group.drain(..), outcome.ok());
        }
    }

    /// Gives the ids that are new.
    async fn write_group(&self, group: &[Record]) -> Result<HashSet<Uuid>, StorageError> {
        let mut ids = BTreeMap::<Uuid, UnixTime>::new();
        for record in group {
            let expires_at = ids.entry(record.id).or_insert(record.expires_at);
            *expires_at = record.expires_at.max(*expires_at);
        }
        metrics::histogram!("careconnect_replay_group_size")
            .record(f64::from(u32::try_from(ids.len()).unwrap_or(u32::MAX)));
        self.database.record_assertion_ids(&ids, self.patience).await
    }
}

/// Tells each caller; of several with one id the first has won. A caller that is gone has no use for the answer.
fn answer(group: impl Iterator<Item = Record>, mut new: Option<HashSet<Uuid>>) {
    for Record { id, answer, .. } in group {
        let outcome = match new.as_mut().map(|new| new.remove(&id)) {
            Some(true) => Ok(()),
            Some(false) => Err(ReplayRefused::Replayed),
            None => Err(ReplayRefused::Unavailable),
        };
        let _caller_is_gone = answer.send(outcome);
    }
}

/// Says once that the store fails, and once that it is back.
fn report(reached: &mut bool, error: Option<&StorageError>) {
    match error {
        Some(error) if *reached => {
            tracing::error!(%error, "used assertions cannot be recorded; no consumer can authenticate with one");
        }
        None if !*reached => tracing::info!("used assertions can be recorded again"),
        _ => {}
    }
    *reached = error.is_none();
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn record(id: u128) -> (Record, oneshot::Receiver<Result<(), ReplayRefused>>) {
        let (answer, answered) = oneshot::channel();
        (Record { id: Uuid::from_u128(id), expires_at: UnixTime(1), answer }, answered)
    }

    // R21
    #[test]
    fn of_several_in_one_group_with_one_id_exactly_one_wins() {
        let (group, answers): (Vec<_>, Vec<_>) = [7, 7, 8, 7].map(record).into_iter().unzip();
        answer(group.into_iter(), Some(HashSet::from([Uuid::from_u128(7)])));
        let answers: Vec<_> = answers.into_iter().map(|mut answered| answered.try_recv().unwrap()).collect();
        let replayed = Err(ReplayRefused::Replayed);
        assert_eq!(answers, [Ok(()), replayed, replayed, replayed]);
    }
}

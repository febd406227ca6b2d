//! PostgreSQL tells of changes as they are committed; here nobody asks it for them.

use std::time::{Duration, Instant};

use super::{Followed, follow_every};
use crate::support::{
    changes::Changes,
    databases::{TestDatabase, is_postgres},
    registrations::consumer,
    soon::{soon, until},
};

/// Longer than any test: what is seen before has been told.
const NEVER: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_change_is_seen_when_it_is_committed() {
    let database = TestDatabase::fresh().await;
    if !is_postgres() {
        return;
    }
    let Followed { registry, .. } = &follow_every(NEVER, &database).await;
    let mut revisions = registry.revisions();
    let mut took = Vec::new();
    for number in 0..100 {
        database.handle().insert_consumer(&consumer()).await.unwrap();
        let committed = Instant::now();
        let seen = revisions.wait_for(|revision| *revision > 1 + number);
        soon("the change", seen).await.unwrap();
        took.push(committed.elapsed());
    }
    took.sort();
    assert!(took[98] < Duration::from_secs(1), "{took:?}");
    if std::env::var_os("SHOW_FIGURES").is_some() {
        panic!("p50 {:?}, p99 {:?}, most {:?}", took[49], took[98], took[99]);
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_or_silent_is_replaced_and_what_was_missed_is_seen() {
    let database = TestDatabase::fresh().await;
    if !is_postgres() {
        return;
    }
    let Followed { registry, .. } = &follow_every(NEVER, &database).await;
    let mut revisions = registry.revisions();
    for is_cut in [true, false] {
        if is_cut {
            database.take_away().await;
            database.give_back().await;
        } else {
            database.freeze_connections();
        }
        let writer = database.another_handle().await;
        until("a change", async || {
            writer.insert_consumer(&consumer()).await.unwrap(); // each is told by itself
            let committed = writer.revision().await.unwrap();
            let seen = revisions.wait_for(|revision| *revision >= committed);
            tokio::time::timeout(Duration::from_millis(200), seen).await.is_ok()
        })
        .await;
    }
}

//! A client assertion counts once: on all nodes, over restarts, and never while nobody knows (R21, R56).

use std::{sync::Arc, time::Duration};

use careconnect_auth::{
    clock::UnixTime,
    random,
    replay::{PATIENCE, ReplayGuard, ReplayRefused, ReplayStore},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{
    authority::NOW,
    databases::TestDatabase,
    soon::{SOON, soon, until},
};

const UNTIL: UnixTime = NOW.plus(330);

/// One node.
struct Node {
    guard: ReplayGuard,
    store: Arc<ReplayStore>,
    _tasks: JoinSet<()>,
}

impl Node {
    /// One that is connected.
    async fn over(database: &TestDatabase) -> Self {
        Self::impatient(database, SOON).await
    }

    async fn impatient(database: &TestDatabase, patience: Duration) -> Self {
        let (guard, store) = ReplayGuard::new(database.another_handle().await, patience);
        let (mut tasks, writer) = (JoinSet::new(), store.clone());
        tasks.spawn(writer.write());
        let node = Self { guard, store, _tasks: tasks };
        until("a connection", async || node.record(random::uuid()).await == Ok(())).await;
        node
    }

    async fn record(&self, id: Uuid) -> Result<(), ReplayRefused> {
        soon("an answer", self.guard.record(id, UNTIL)).await
    }
}

async fn two_nodes(database: &TestDatabase) -> [Node; 2] {
    [Node::over(database).await, Node::over(database).await]
}

async fn outcomes(nodes: &[Node], ids: impl IntoIterator<Item = Uuid>) -> Vec<(Uuid, Result<(), ReplayRefused>)> {
    let mut calls = JoinSet::new();
    for (id, node) in ids.into_iter().zip(nodes.iter().cycle()) {
        let guard = node.guard.clone();
        calls.spawn(async move { (id, guard.record(id, UNTIL).await) });
    }
    soon("all answers", calls.join_all()).await
}

// R21
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_at_once_on_two_nodes_exactly_one_counts() {
    let database = TestDatabase::fresh().await;
    let nodes = two_nodes(&database).await;

    let outcomes = outcomes(&nodes, [random::uuid(); 100]).await;

    assert_eq!(outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|(_, outcome)| !matches!(outcome, Err(ReplayRefused::Unavailable))));
}

// R21
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_ids_counts_once_when_two_nodes_have_them_in_different_orders() {
    let database = TestDatabase::fresh().await;
    let nodes = two_nodes(&database).await;
    let ids: Vec<Uuid> = (0..300).map(|_| random::uuid()).collect();

    let twice = ids.iter().copied().chain(ids.iter().rev().copied());
    let mut counted: Vec<Uuid> =
        outcomes(&nodes, twice).await.into_iter().filter_map(|(id, outcome)| outcome.ok().map(|()| id)).collect();

    counted.sort();
    let mut ids = ids;
    ids.sort();
    assert_eq!(counted, ids);
}

// R21
#[tokio::test]
async fn a_used_assertion_stays_used_over_a_restart() {
    let database = TestDatabase::fresh().await;
    let id = random::uuid();
    let before = Node::over(&database).await;
    assert_eq!(before.record(id).await, Ok(()));
    drop(before);

    let after = Node::over(&database).await;

    assert_eq!(after.record(id).await, Err(ReplayRefused::Replayed));
    assert_eq!(after.record(random::uuid()).await, Ok(()));
}

/// Long ago, by any clock.
const ENDED: UnixTime = UnixTime(1_000_000_000);

// R21
#[tokio::test]
async fn what_has_ended_is_deleted_and_stays_used_for_a_clock_that_is_set_back_and_for_one_that_starts_so() {
    let database = TestDatabase::fresh().await;
    let node = Node::over(&database).await;
    let ids: Vec<Uuid> = (0..1_100).map(|_| random::uuid()).collect();
    for group in ids.chunks(200) {
        let ids = group.iter().map(|id| (*id, ENDED)).collect();
        database.handle().record_assertion_ids(&ids, SOON).await.unwrap();
    }

    assert_eq!(node.store.prune_once(ENDED).await.unwrap(), 0);
    assert_eq!(node.store.prune_once(ENDED.plus(1)).await.unwrap(), 1_100);
    assert_eq!(node.guard.record(ids[0], ENDED).await, Err(ReplayRefused::Replayed));
    assert_eq!(node.guard.record(random::uuid(), ENDED.plus(1)).await, Ok(()), "it ended later than any that is gone");

    let restarted = Node::over(&database).await;
    restarted.store.remember().await.unwrap();
    assert_eq!(restarted.guard.record(ids[1], ENDED).await, Err(ReplayRefused::Replayed));
    assert_eq!(restarted.store.prune_once(ENDED).await.unwrap(), 0);
    assert_eq!(restarted.guard.record(ids[2], ENDED).await, Err(ReplayRefused::Replayed), "it never becomes less");
}

// R21
#[tokio::test]
async fn what_has_not_ended_by_the_databases_own_clock_is_not_deleted_whatever_the_nodes_says() {
    let database = TestDatabase::fresh().await;
    let node = Node::over(&database).await;
    let Some(now) = database.handle().clock().await.unwrap() else { return };
    let id = random::uuid();
    assert_eq!(node.guard.record(id, now.plus(-60)).await, Ok(()));
    node.store.prune_once(now.plus(86_400)).await.unwrap();
    assert_eq!(node.guard.record(id, now.plus(-60)).await, Err(ReplayRefused::Replayed));
    assert!(database.handle().knows_assertion_id(id).await.unwrap());
}

// R56
#[tokio::test]
async fn without_the_database_nothing_counts_and_all_is_well_when_it_is_back() {
    let database = TestDatabase::fresh().await;
    let node = Node::over(&database).await;
    database.take_away().await;
    until("the outage", async || node.record(random::uuid()).await == Err(ReplayRefused::Unavailable)).await;
    assert_eq!(node.record(random::uuid()).await, Err(ReplayRefused::Unavailable));

    database.give_back().await;
    until("the store", async || node.record(random::uuid()).await == Ok(())).await;
}

// R56
#[tokio::test]
async fn a_database_that_is_busy_for_long_is_not_waited_for() {
    let database = TestDatabase::fresh().await;
    let node = Node::impatient(&database, Duration::from_millis(200)).await;

    let kept = database.keep_others_waiting().await;
    assert_eq!(node.record(random::uuid()).await, Err(ReplayRefused::Unavailable));
    assert_eq!(node.record(random::uuid()).await, Err(ReplayRefused::Unavailable));

    kept.close().await;
    until("the store", async || node.record(random::uuid()).await == Ok(())).await;
}

// R56
#[tokio::test]
async fn connections_that_get_no_answer_any_more_are_given_up() {
    let database = TestDatabase::fresh().await;
    let node = Node::impatient(&database, PATIENCE).await;
    database.freeze_connections();
    until("the store", async || node.record(random::uuid()).await == Ok(())).await;
}

// R56
#[tokio::test]
async fn without_a_writer_every_caller_is_refused_in_time_and_a_full_queue_refuses_at_once() {
    let database = TestDatabase::fresh().await;
    let (guard, store) = ReplayGuard::new(database.handle().clone(), Duration::from_millis(200));
    let mut given_up = Vec::new();
    while guard.waiting() < 8_192 {
        let mut call = Box::pin(guard.record(random::uuid(), UNTIL));
        assert!(futures_util::poll!(&mut call).is_pending());
        given_up.push(call);
    }
    assert_eq!(guard.record(random::uuid(), UNTIL).await, Err(ReplayRefused::Unavailable));
    let late = given_up.pop().unwrap();
    assert_eq!(soon("an answer", late).await, Err(ReplayRefused::Unavailable));

    drop(given_up);
    let writer = tokio::spawn(store.write());
    let id = random::uuid();
    until("room", async || guard.record(id, UNTIL).await != Err(ReplayRefused::Unavailable)).await;
    assert_eq!(database.handle().prune_assertion_ids(UNTIL.plus(1), u32::MAX).await.unwrap(), 1, "those who gave up");
    drop(guard);
    soon("the end of the writer", writer).await.unwrap();
}

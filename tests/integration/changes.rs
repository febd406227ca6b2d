//! A change of the register and its audit record are one.

use careconnect_auth::{
    domain::{AuditRecord, ConsumerSystem, IdempotencyKey, Precondition, Registered, Repeatable},
    operations::{
        change_consumer::change_consumer,
        change_refused::ChangeRefused,
        export_audit::{ExportError, export_audit},
        register_consumer::register_consumer,
        verify_audit::verify_audit,
    },
    storage::{AuditQuery, StorageError},
};
use careconnect_verifier::KeySet;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{
    changes::{Changes, act},
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer},
    soon::soon,
    test_server::{self, TestServer},
};

async fn records(database: &TestDatabase) -> Vec<Value> {
    let found = database.handle().read_audit(0, 1_000).await.unwrap();
    found.iter().map(|record| serde_json::from_str(&record.record).unwrap()).collect()
}

fn no_keys() -> KeySet {
    KeySet::default()
}

#[tokio::test]
async fn a_change_leaves_a_record_of_who_when_why_and_what_before_and_after() {
    // R51
    let database = TestDatabase::fresh().await;
    let before = consumer();
    database.handle().insert_consumer(&before).await.unwrap();
    let name = "Renamed".parse().unwrap();
    let edit = |found: &ConsumerSystem| Ok(ConsumerSystem { name, ..found.clone() });
    let after =
        change_consumer(database.handle(), &before.client_id, &Precondition::Any, edit, act(REGISTERED_AT.plus(60)));
    let after = after.await.unwrap();

    let all = records(&database).await;
    let [registered, changed] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&registered["action"], &registered["after"]), (&"consumer.registered".into(), &before.document()));
    assert_eq!((&changed["before"], &changed["after"]), (&before.document(), &after.document()));
    assert_eq!((&changed["sequence"], &changed["time"]), (&2.into(), &"2027-01-15T08:01:00Z".into()));
    assert_eq!((&changed["actor"]["name"], &changed["reason"]), (&"tester".into(), &"a test".into()));
    assert_eq!((&changed["outcome"], &changed["action"]), (&"done".into(), &"consumer.changed".into()));
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains("argon2"), "R16: {text}");
}

#[tokio::test]
async fn a_change_that_cannot_be_recorded_is_not_made() {
    // R51, R56
    let database = TestDatabase::fresh().await;
    database.tamper("DROP TABLE audit_checkpoints").await;
    database.tamper("DROP TABLE idempotency_keys").await;
    database.tamper("DROP TABLE audit").await;
    let revision = database.handle().revision().await.unwrap();
    let refusal = database.handle().insert_consumer(&consumer()).await.unwrap_err();
    assert!(matches!(refusal, StorageError::Schema(_)), "{refusal}");
    assert_eq!(database.handle().list_consumers().await.unwrap(), []);
    assert_eq!(database.handle().revision().await.unwrap(), revision);
}

#[tokio::test]
async fn a_change_that_is_given_up_half_way_leaves_nothing_and_holds_up_nobody() {
    // R51
    let database = TestDatabase::fresh().await;
    let (lost, kept) = (consumer(), consumer());
    let mut change = database.handle().begin(act(REGISTERED_AT)).await.unwrap();
    change.put_consumer(None, &lost).await.unwrap();
    drop(change);
    database.handle().insert_consumer(&kept).await.unwrap();
    assert_eq!(database.handle().list_consumers().await.unwrap(), [kept]);
    assert_eq!(records(&database).await.len(), 1);
}

#[tokio::test]
async fn what_changes_nothing_leaves_no_record() {
    let database = TestDatabase::fresh().await;
    let registered = consumer();
    database.handle().insert_consumer(&registered).await.unwrap();
    let revision = database.handle().revision().await.unwrap();
    let same = |found: &ConsumerSystem| Ok(found.clone());
    let after = change_consumer(database.handle(), &registered.client_id, &Precondition::Any, same, act(REGISTERED_AT));
    assert_eq!(after.await.unwrap(), registered);
    assert_eq!((records(&database).await.len(), database.handle().revision().await.unwrap()), (1, revision));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_changes_and_refusals_at_the_same_time_are_one_chain() {
    let database = TestDatabase::fresh().await;
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let handle = database.another_handle().await;
        writers.spawn(async move {
            for _ in 0..4 {
                handle.insert_consumer(&consumer()).await.unwrap();
                let act = act(REGISTERED_AT);
                let refused = AuditRecord::refused(&act, "consumer.suspend", "consumer", "x".into(), "no".into());
                handle.record_refusal(act, refused).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let report = verify_audit(database.handle(), &no_keys(), &[]).await.unwrap();
    assert_eq!((report.records, report.broken, report.uncovered), (64, None, 64));
    let refused = AuditQuery { outcome: Some("refused".to_owned()), ..AuditQuery::default() };
    assert_eq!(database.handle().search_audit(&refused, 100).await.unwrap().len(), 32);
}

#[tokio::test]
async fn whatever_is_changed_in_the_audit_is_found() {
    for (tampering, record) in [
        ("UPDATE audit SET record = REPLACE(record, 'a test', 'a jest') WHERE sequence = 3", 3),
        ("UPDATE audit SET hash = REPLACE(hash, SUBSTR(hash, 1, 4), 'ffff') WHERE sequence = 2", 2),
        ("UPDATE audit SET actor = 'nobody' WHERE sequence = 4", 4),
        ("UPDATE audit SET action = 'consumer.suspended' WHERE sequence = 4", 4),
        ("UPDATE audit SET subject = 'provider' WHERE sequence = 4", 4),
        ("UPDATE audit SET identifier = 'other' WHERE sequence = 4", 4),
        ("UPDATE audit SET outcome = 'refused' WHERE sequence = 4", 4),
        ("UPDATE audit SET at = at + 1 WHERE sequence = 4", 4),
        ("UPDATE audit SET sequence = 6 WHERE sequence = 5", 5),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 5", 5),
        ("UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE sequence = 4), sequence = 5", 5),
    ] {
        let database = TestDatabase::fresh().await;
        for _ in 0..5 {
            database.handle().insert_consumer(&consumer()).await.unwrap();
        }
        assert_eq!(verify_audit(database.handle(), &no_keys(), &[]).await.unwrap().broken, None);
        database.tamper(tampering).await;
        let broken = verify_audit(database.handle(), &no_keys(), &[]).await.unwrap().broken;
        assert_eq!(broken.map(|broken| broken.sequence), Some(record), "{tampering}");
    }
}

#[tokio::test]
async fn a_last_record_that_got_another_number_is_missing_to_whoever_walks_the_audit() {
    // R51
    let server = TestServer::start().await;
    server.database.handle().insert_consumer(&consumer()).await.unwrap();
    server.database.tamper("UPDATE audit SET sequence = 7").await;
    let exported = soon("an export", export_audit(server.database.handle(), &mut Vec::new())).await;
    assert!(matches!(exported, Err(ExportError::Broken(1))), "{exported:?}");
    soon("what is signed at the end", server.running.stop()).await;
}

#[tokio::test]
async fn the_same_request_twice_is_carried_out_once() {
    let database = TestDatabase::fresh().await;
    let keyed = |key: &str, fingerprint: &str, at| {
        let key: IdempotencyKey = key.parse().unwrap();
        let mut act = act(at);
        act.repeatable = Some(Repeatable { key, fingerprint: fingerprint.to_owned() });
        act
    };
    let register = async |act| register_consumer(database.handle(), test_server::consumer(), act).await;
    register(keyed("one", "a", REGISTERED_AT)).await.unwrap();
    let repeated = register(keyed("one", "a", REGISTERED_AT.plus(60))).await.unwrap_err();
    assert!(matches!(repeated, ChangeRefused::Storage(StorageError::Repeated { sequence: 1 })), "{repeated}");
    let other = register(keyed("one", "b", REGISTERED_AT.plus(60))).await.unwrap_err();
    assert!(matches!(other, ChangeRefused::Storage(StorageError::KeyTaken)), "{other}");
    register(keyed("one", "b", REGISTERED_AT.plus(100_000))).await.unwrap();
    assert_eq!(database.handle().list_consumers().await.unwrap().len(), 2);
}

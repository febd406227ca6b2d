//! What is exported is what is there.

use careconnect_auth::{
    domain::{ConsumerSystem, Precondition, RegistrationStatus},
    operations::{
        change_consumer::change_consumer, estate::EstateFormat, estate::export_estate,
        register_consumer::register_consumer,
    },
};
use careconnect_verifier::Group;
use serde_json::{Value, json};

use super::{
    LATER, OPTIONS, PRUNING, actions, apply, export, export_json,
    filled::{filled, registration},
    plan,
};
use crate::support::{
    changes::act,
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer},
};

#[tokio::test]
async fn a_register_and_its_file_say_the_same() {
    let filled = filled().await;
    let database = filled.database.handle();
    let (revision, file) = (database.revision().await.unwrap(), export(database, false).await);
    assert_eq!(file, export(database, false).await);
    for options in [OPTIONS, PRUNING] {
        assert_eq!(actions(&plan(database, &file, options).await.unwrap()), Vec::<&str>::new());
        assert_eq!(actions(&apply(database, &file, options).await.unwrap()), Vec::<&str>::new());
    }
    assert_eq!(database.revision().await.unwrap(), revision, "nothing was to be done");
    for over in [filled.retired.client_id.as_str(), "918999198994", "\"removed\"", "\"b\"", "$argon2id"] {
        assert!(!file.contains(over), "{over}\n{file}");
    }
}

#[tokio::test]
async fn a_file_with_hashes_makes_of_an_empty_register_the_same_register() {
    let filled = filled().await;
    let before = export(filled.database.handle(), true).await;
    assert!(before.contains("$argon2id"));
    let json = export_estate(filled.database.handle(), act(LATER), true, EstateFormat::Json).await.unwrap();
    for text in [&before, &json] {
        let other = TestDatabase::fresh().await;
        apply(other.handle(), text, OPTIONS).await.unwrap();
        assert_eq!(export(other.handle(), true).await, before);
        let consumer = other.handle().find_consumer(&filled.consumer.client_id).await.unwrap().unwrap();
        assert_eq!(consumer.credentials, sorted(&filled.consumer).credentials);
        assert_eq!(actions(&apply(other.handle(), text, PRUNING).await.unwrap()), Vec::<&str>::new());
    }
}

fn sorted(consumer: &ConsumerSystem) -> ConsumerSystem {
    let mut consumer = consumer.clone();
    consumer.credentials.sort_by_key(|held| (held.starts_at, held.id));
    consumer
}

#[tokio::test]
async fn a_file_leaves_the_same_audit_records_as_the_operations() {
    let (by_hand, by_file) = (TestDatabase::fresh().await, TestDatabase::fresh().await);
    let consumer = consumer();
    let wanted = registration(&consumer, &[Group::READ_SLOT], false);
    register_consumer(by_hand.handle(), wanted, act(REGISTERED_AT)).await.unwrap();
    let registered = export(by_hand.handle(), true).await;
    let suspended = RegistrationStatus::Suspended { at: REGISTERED_AT };
    let edit = |before: &ConsumerSystem| Ok(ConsumerSystem { status: suspended, ..before.clone() });
    let any = Precondition::Any;
    change_consumer(by_hand.handle(), &consumer.client_id, &any, edit, act(REGISTERED_AT)).await.unwrap();
    let then_suspended = export(by_hand.handle(), true).await;

    for file in [registered, then_suspended] {
        super::apply_as(by_file.handle(), &file, OPTIONS, act(REGISTERED_AT)).await.unwrap();
    }

    assert_eq!(records(&by_file).await, records(&by_hand).await);
}

/// All records, sorted within each transaction, without their numbers.
async fn records(database: &TestDatabase) -> Vec<String> {
    let records = database.handle().read_audit(0, 1_000).await.unwrap();
    let mut texts: Vec<String> = records
        .into_iter()
        .map(|record| {
            let mut record: Value = serde_json::from_str(&record.record).unwrap();
            record.as_object_mut().unwrap().remove("sequence");
            for state in ["before", "after"] {
                if let Some(credentials) = record[state]["credentials"].as_array_mut() {
                    credentials.sort_by_key(|credential| credential["id"].to_string());
                }
            }
            record.to_string()
        })
        .collect();
    texts.sort();
    assert!(texts.len() >= 6, "{texts:#?}");
    texts
}

#[tokio::test]
async fn many_consumers_come_and_change_in_one_transaction() {
    let database = TestDatabase::fresh().await;
    let handle = database.handle();
    let consumer = |number: u32, name: &str| {
        json!({
            "client_id": format!("consumer-{number}"), "name": format!("{name} {number}"), "ods_code": "A1001",
            "asid": format!("{:012}", 200_000_000_000_u64 + u64::from(number)), "organisation_type": "urgent-care",
            "supplier_ods_code": "SUP1",
            "credentials": [{"kind": "san_dns", "value": format!("c{number}.nhs.uk")}],
        })
    };
    let assurance = |number: u32| {
        json!({
            "subject": "service", "identifier": format!("consumer-{number}"), "group": Group::READ_SLOT, "evidence": "CSR",
        })
    };
    let file = |name: &str| {
        let consumers: Vec<Value> = (0..500).map(|number| consumer(number, name)).collect();
        json!({"consumers": consumers, "assurances": (0..500).map(assurance).collect::<Vec<_>>()}).to_string()
    };
    let before = handle.revision().await.unwrap();
    let applied = apply(handle, &file("Service"), OPTIONS).await.unwrap();
    assert_eq!((applied.len(), handle.revision().await.unwrap()), (1_000, before + 1));
    assert_eq!(handle.list_consumers().await.unwrap().len(), 500);
    assert_eq!(handle.list_assurances().await.unwrap().len(), 500);
    let exported = export_json(handle).await;
    assert_eq!(exported["consumers"][7]["credentials"].as_array().map(Vec::len), Some(1));

    let renamed = apply(handle, &file("Renamed"), OPTIONS).await.unwrap();
    assert_eq!(renamed.len(), 500, "neither credentials nor assurances come twice");
    assert!(renamed.iter().all(|record| record.action == "consumer.changed"));
    assert_eq!(actions(&apply(handle, &file("Renamed"), OPTIONS).await.unwrap()), Vec::<&str>::new());
}

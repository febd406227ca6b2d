//! The schema's versions.

use careconnect_auth::storage::{Database, StorageError};
use careconnect_verifier::Group;

use crate::support::{
    changes::Changes,
    databases::TestDatabase,
    registrations::{REGISTERED_AT, consumer},
};

#[tokio::test]
async fn migrations_are_applied_once() {
    let database = TestDatabase::empty().await;
    let all = Database::all_migrations();
    assert_eq!((all.len() > 7, all[0].as_str()), (true, "0001_groups"));
    assert_eq!(database.handle().pending_migrations().await.unwrap(), all);
    assert_eq!(database.handle().migrate().await.unwrap(), all);
    assert_eq!(database.handle().migrate().await.unwrap(), [""; 0]);
    database.handle().require_current_schema().await.unwrap();
}

#[tokio::test]
async fn two_that_migrate_at_once_take_turns() {
    let database = TestDatabase::empty().await;
    let other = database.another_handle().await;
    let (one, two) = tokio::join!(database.handle().migrate(), other.migrate());
    one.unwrap();
    two.unwrap();
    assert_eq!(database.handle().list_groups().await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_schema_that_lacks_migrations_is_refused_with_their_names() {
    let database = TestDatabase::empty().await;
    let refusal = database.handle().require_current_schema().await.unwrap_err();
    assert!(
        matches!(&refusal, StorageError::MigrationsPending(names) if *names == Database::all_migrations()),
        "{refusal}"
    );
    database.handle().migrate().await.unwrap();
    database.tamper("DELETE FROM _sqlx_migrations WHERE version = 4").await;
    let refusal = database.handle().require_current_schema().await.unwrap_err();
    assert!(matches!(&refusal, StorageError::MigrationsPending(names) if *names == ["0004_credentials"]), "{refusal}");
}

#[tokio::test]
async fn a_schema_of_a_newer_release_is_refused_and_left_alone() {
    let database = TestDatabase::fresh().await;
    database.tamper("UPDATE _sqlx_migrations SET version = 4000 WHERE version = 4").await;
    for refusal in
        [database.handle().require_current_schema().await.unwrap_err(), database.handle().migrate().await.unwrap_err()]
    {
        assert!(matches!(refusal, StorageError::SchemaTooNew { version: 4000, known } if known < 4000), "{refusal}");
    }
}

#[tokio::test]
async fn what_a_consumer_held_before_assurances_were_recorded_it_holds_afterwards() {
    let database = TestDatabase::fresh().await;
    let registered = consumer();
    database.handle().insert_consumer(&registered).await.unwrap();
    database.tamper("UPDATE consumers SET supplier_ods_code = NULL").await;
    database
        .tamper("INSERT INTO consumer_groups SELECT client_id, urn FROM consumers, groups WHERE urn LIKE '%:slot'")
        .await;
    let seen = database.handle().revision().await.unwrap();
    let migration = include_str!("../../../migrations/0006_assurances.sql");
    let (_, of_data) = migration.split_once("-- Until now").unwrap();
    let (of_data, _) = of_data.split_once("CREATE INDEX").unwrap();
    for statement in of_data.split_once('\n').unwrap().1.split(';').filter(|statement| !statement.trim().is_empty()) {
        database.tamper(statement).await;
    }
    let found = database.handle().find_consumer(&registered.client_id).await.unwrap().unwrap();
    assert_eq!(found.supplier, found.organisation.ods_code);
    let held = database.handle().assured(&found).await.unwrap().groups_at(REGISTERED_AT);
    assert_eq!(held, [Group::READ_SLOT].into());
    assert_eq!(database.handle().changes_since(seen).await.unwrap().assurances.len(), 4);
}

#[tokio::test]
async fn a_schema_made_from_other_files_is_refused() {
    let database = TestDatabase::fresh().await;
    database
        .tamper("UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 2)")
        .await;
    let refusal = database.handle().require_current_schema().await.unwrap_err();
    assert!(matches!(refusal, StorageError::Schema(_)), "{refusal}");
}

#[tokio::test]
async fn a_database_without_a_schema_says_so_without_sql() {
    // R55
    let database = TestDatabase::empty().await;
    let refusal = database.handle().list_consumers().await.unwrap_err();
    assert!(matches!(refusal, StorageError::Schema(_)), "{refusal}");
    assert!(!refusal.to_string().contains("SELECT"), "{refusal}");
}

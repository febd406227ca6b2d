//! The SQLite file, as a file; and what errors say.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use careconnect_auth::{
    config::DatabaseUrl,
    storage::{Database, DatabaseSettings, StorageError},
};

use crate::support::{changes::Changes, registrations::consumer};

fn settings(url: &str) -> DatabaseSettings {
    let url = DatabaseUrl::parse(url).unwrap();
    DatabaseSettings { url, max_connections: 2, acquire_timeout: Duration::from_millis(200), create_if_missing: true }
}

#[tokio::test]
async fn only_the_owner_can_read_the_file_and_its_companions() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(&settings(&format!("sqlite://{}/new.db", directory.path().display()))).await.unwrap();
    database.migrate().await.unwrap();
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() > 1, "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_file_that_was_replaced_is_neither_read_nor_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new.db");
    let database = Database::open(&settings(&format!("sqlite:{}", path.display()))).await.unwrap();
    database.migrate().await.unwrap();
    std::fs::rename(&path, directory.path().join("old.db")).unwrap();
    std::fs::write(&path, "").unwrap();
    assert!(database.insert_consumer(&consumer()).await.unwrap_err().to_string().contains("was replaced"));
    assert!(database.revision().await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn settings_that_lead_nowhere_are_refused_and_no_error_repeats_a_password() {
    // R55
    let refusal = Database::open(&settings("sqlite:a.db?mode=ro")).await.unwrap_err();
    assert!(matches!(refusal, StorageError::Settings(_)), "{refusal}");
    let nobody_there = Database::open(&settings("postgres://u:hunter2@127.0.0.1:1/db")).await.unwrap();
    let refusal = nobody_there.ping().await.unwrap_err();
    assert!(refusal.is_unavailable() && !format!("{refusal} {refusal:?}").contains("hunter2"), "{refusal}");
    let missing_folder = Database::open(&settings("sqlite:/nowhere/at/all.db")).await.unwrap_err();
    assert!(missing_folder.is_unavailable(), "{missing_folder}");
}

//! A backup of the SQLite file, made while the server writes, and what it is good for.

use std::{cell::Cell, fs, os::unix::fs::PermissionsExt, path::Path};

use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::support::{
    command::run,
    databases::is_postgres,
    process::{Scene, Serve},
    soon::until,
};

async fn register(scene: &Scene, number: u32) {
    let body = json!({ "code": format!("type-{number}"), "display": "A type", "reason": "a test" });
    let answer = scene.admin().request(Method::POST, "/organisation-types").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

async fn check(file: &Path) -> String {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let (said,) = sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    said
}

#[tokio::test]
async fn a_backup_under_load_is_whole_private_and_never_in_the_place_of_another() {
    // R51
    let scene = Scene::migrated().await;
    if is_postgres() {
        let refused = run(scene.path(), &["backup", "backup.db"]);
        assert!(refused.code == 2 && refused.stderr.contains("pg_dump"), "{refused:?}");
        assert!(!scene.path().join("backup.db").exists());
        return;
    }
    let _served = Serve::start(scene.path());
    let (written, at_once) = (Cell::new(0_u32), Cell::new(0_u32));
    let write = async {
        loop {
            register(&scene, written.get()).await;
            written.set(written.get() + 1);
        }
    };
    let back_up = async {
        for number in 0..3 {
            until("changes", async || written.get() >= 10 * (number + 1)).await;
            let (path, name) = (scene.path().to_owned(), format!("backup-{number}.db"));
            at_once.set(written.get());
            tokio::task::spawn_blocking(move || run(&path, &["backup", &name]).success()).await.unwrap();
        }
    };
    tokio::select! {
        () = write => {}
        () = back_up => {}
    }
    let (file, before) = (scene.path().join("backup-2.db"), fs::read(scene.path().join("backup-2.db")).unwrap());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(check(&file).await, "ok");
    let again = run(scene.path(), &["backup", "backup-2.db"]);
    assert!(again.code == 2 && again.stderr.contains("is not overwritten"), "{again:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
    let absent = run(scene.path(), &["backup", "nowhere/backup.db"]);
    assert!(absent.code == 2 && absent.stderr.contains("nowhere"), "{absent:?}");
    let names = fs::read_dir(scene.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains("partial")).count(), 0);

    fs::write(scene.path().join("database-url"), format!("sqlite:{}", file.display())).unwrap();
    let verified = run(scene.path(), &["audit", "verify", "--of", "changes", "--without-keys", "--json"]);
    let records = verified.success().json()["changes"]["records"].as_u64().unwrap();
    assert!(records >= u64::from(at_once.get()), "{records} of {}", at_once.get());
    run(scene.path(), &["migrate", "status"]).success();
}

#[tokio::test]
async fn a_restored_backup_serves_and_the_audit_that_was_cut_off_is_not_signed_until_an_operator_agrees() {
    // R51
    let scene = Scene::migrated().await;
    if is_postgres() {
        return;
    }
    let mut served = Serve::start(scene.path());
    register(&scene, 1).await;
    run(scene.path(), &["backup", "backup.db"]).success();
    register(&scene, 2).await;
    served.stops_when_told();
    let database = fs::read_to_string(scene.path().join("database-url")).unwrap();
    let database = Path::new(database.trim().strip_prefix("sqlite:").unwrap());

    fs::copy(scene.path().join("backup.db"), database).unwrap();
    for companion in ["-wal", "-shm"] {
        fs::remove_file(format!("{}{companion}", database.display())).ok();
    }

    let mut restored = Serve::start(scene.path());
    let types = async || {
        let answer = scene.admin().request(Method::GET, "/organisation-types").send().await.unwrap();
        answer.text().await.unwrap()
    };
    assert!(types().await.contains("type-1") && !types().await.contains("type-2"));
    register(&scene, 3).await;
    restored.signal("TERM");
    let log = restored.read_until("stopped");
    assert!(log.contains("audit_not_signed") && log.contains("changes.checkpoint"), "{log}");
    restored.ends_well();

    fs::remove_file(scene.path().join("records/changes.checkpoint")).unwrap();
    Serve::start(scene.path()).stops_when_told();
    let verified = run(scene.path(), &["audit", "verify", "--of", "changes", "--json"]).success().json();
    assert_eq!(verified["changes"]["uncovered"], json!(0), "{verified}");
}

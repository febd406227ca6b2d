//! `keys`, `config` and `migrate` on the command line.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{command::run, test_server::TestServer};

const NO_FILE: &str = "no careconnect-auth.toml in the current directory";

fn throwaway(name: &str) -> String {
    format!("{}/tests/throwaway_keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn the_keys_that_sign_are_listed_and_an_imported_one_takes_over() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let listed = run(directory, &["keys", "list", "--json"]).success().json();
    let published = server.get("/careconnect/.well-known/jwks.json").await.json();
    assert_eq!(listed.as_array().map(Vec::len), published["keys"].as_array().map(Vec::len));
    assert!(listed[0]["activates_at"].as_str().unwrap().ends_with('Z'), "{listed}");

    run(directory, &["keys", "import", &throwaway("rsa-2048.pem"), "--alg", "RS256"]).success();

    let after = run(directory, &["keys", "list", "--json"]).success().json();
    assert_eq!(after.as_array().map(Vec::len), listed.as_array().map(|keys| keys.len() + 1));
    let again = run(directory, &["keys", "import", &throwaway("rsa-2048.pem"), "--alg", "PS256"]);
    assert_eq!(again.code, 1, "one key for two algorithms: {again:?}");
    let wrong = run(directory, &["keys", "import", &throwaway("rsa-2048.pem"), "--alg", "ES256"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.stderr.contains("rsa-2048.pem"), "{wrong:?}");
    let absent = run(directory, &["keys", "import", "/nope", "--alg", "ES256"]).stderr;
    assert_eq!(absent.matches("No such file").count(), 1, "{absent}");
}

#[tokio::test]
async fn a_configuration_is_checked_and_shown_without_its_secrets() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    run(directory, &["config", "check"]).success();
    std::fs::write(directory.join("database-url"), "postgres://auth:a-password@db.example/auth").unwrap();
    for form in [&["config", "dump"][..], &["config", "dump", "--json"]] {
        let shown = run(directory, form).success();
        assert!(shown.stdout.contains("db.example") && !shown.stdout.contains("a-password"), "{shown:?}");
    }

    let file = directory.join("careconnect-auth.toml");
    let misspelt = std::fs::read_to_string(&file).unwrap().replace("listen =", "lisen =");
    std::fs::write(&file, misspelt).unwrap();
    let refused = run(directory, &["config", "check", "--json"]);
    assert_eq!((refused.code, &refused.json()["ok"]), (1, &json!(false)));
    assert!(refused.stdout.contains("listen"), "the nearest name: {refused:?}");
    let ill = run(directory, &["doctor", "--json"]);
    let finding = &ill.json()[0];
    assert_eq!((ill.code, &finding["check"], &finding["verdict"]), (1, &json!("configuration"), &json!("failure")));
    assert!(finding["detail"].as_str().unwrap().contains("lisen"), "{finding}");
}

#[tokio::test]
async fn a_database_without_a_schema_keeps_the_server_from_starting_and_config_check_says_so() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    for (database, expected) in
        [(directory.join("absent.db"), "there is no database"), (directory.join("empty.db"), "migrate")]
    {
        if database.ends_with("empty.db") {
            std::fs::write(&database, "").unwrap();
        }
        std::fs::write(directory.join("database-url"), format!("sqlite:{}", database.display())).unwrap();
        let refused = run(directory, &["config", "check"]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stdout.contains(expected) && !refused.stdout.contains("can start"), "{refused:?}");
    }
    assert!(!directory.join("absent.db").exists());
}

#[tokio::test]
async fn a_private_key_that_others_can_read_is_a_warning() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(directory.join("server.key"), open).unwrap();
    let warned = run(directory, &["config", "check", "--json"]).success().json();
    assert!(warned["warnings"].to_string().contains("server.key"), "{warned}");
}

#[tokio::test]
async fn what_serve_would_refuse_in_a_file_is_found_by_config_check_and_by_doctor() {
    let server = TestServer::start().await;
    let directory = server.directory.path();
    let other = crate::support::authority::Authority::new("Other").server();
    for (file, damaged) in [("client-ca.pem", "garbage".to_owned()), ("server.key", other.key_pem())] {
        let intact = std::fs::read(directory.join(file)).unwrap();
        std::fs::write(directory.join(file), damaged).unwrap();
        for command in [&["config", "check"], &["doctor", "--json"]] {
            let found = run(directory, command);
            assert_ne!(found.code, 0, "{file}: {found:?}");
            assert!(found.stdout.contains(file), "{found:?}");
        }
        std::fs::write(directory.join(file), intact).unwrap();
    }
}

#[test]
fn a_command_that_only_reads_makes_no_database() {
    let directory = tempfile::tempdir().unwrap();
    for command in [&["consumer", "list"], &["group", "list"]] {
        let refused = run(directory.path(), command);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("careconnect-auth.db") && refused.stderr.contains("migrate"), "{refused:?}");
        assert!(refused.stderr.contains(NO_FILE), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let made = run(directory.path(), &["migrate"]).success();
    let file = directory.path().canonicalize().unwrap().join("careconnect-auth.db").display().to_string();
    assert!(made.stdout.starts_with(&format!("Made a new database: {file}\n")), "{made:?}");
    assert!(made.stderr.contains(NO_FILE) && made.stderr.contains(&file), "{made:?}");
    run(directory.path(), &["consumer", "list"]).success();
    assert_eq!(run(directory.path(), &["migrate", "--json"]).success().json(), json!({ "made": null, "applied": [] }));
}

#[test]
fn what_a_migration_would_do_is_said_without_doing_it_and_what_it_did_with_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| run(directory.path(), arguments);
    assert_eq!(command(&["migrate", "status"]).code, 2, "there is no database to ask");
    let would = command(&["migrate", "--dry-run", "--json"]).success().json();
    let files = would["would_apply"].as_array().unwrap().clone();
    assert!(would["would_make"].as_str().unwrap().ends_with("careconnect-auth.db"), "{would}");
    assert_eq!(files[0], "migrations/0001_groups.sql");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    std::fs::write(directory.path().join("careconnect-auth.db"), "").unwrap();
    let pending = command(&["migrate", "status"]);
    assert!(pending.code == 1 && pending.stdout.contains("0001_groups.sql") && pending.stdout.contains("pending"));

    command(&["migrate"]).success();

    let would = command(&["migrate", "--dry-run", "--json"]).success().json();
    assert_eq!(would, json!({ "would_make": null, "would_apply": [] }));
    let status = command(&["migrate", "status", "--json"]).success().json();
    let all = status.as_array().unwrap();
    assert_eq!(all.len(), files.len());
    for (migration, file) in all.iter().zip(&files) {
        assert_eq!(format!("migrations/{}", migration["file"].as_str().unwrap()), file.as_str().unwrap());
        assert_eq!(migration["state"], "applied");
        assert!(migration["applied_at"].as_str().unwrap().starts_with("20"), "{migration}");
    }
}

#[test]
fn a_server_without_a_configuration_is_told_first_that_there_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let refused = run(directory.path(), &["serve"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.lines().next().unwrap().contains(NO_FILE), "{refused:?}");
    assert!(refused.stderr.contains("`tls.key_file`"), "{refused:?}");
}

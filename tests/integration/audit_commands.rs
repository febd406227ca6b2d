//! `careconnect-auth audit …` of the changes, as people run it.

mod at_the_end;
mod unreachable;

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use careconnect_auth::{
    clock::{Clock, UnixTime},
    operations::verify_audit::verify_exported,
    storage::AuditCheckpoint,
};
use careconnect_verifier::KeySet;
use serde_json::{Value, json};

use crate::support::{
    command::{Run, command, run},
    process::Running,
    signing_keys::rotate_alone,
    soon::{soon, until},
    test_server::TestServer,
};

/// A server with five changes and a refusal in its audit.
struct Audited(TestServer);

impl Audited {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let admin = server.admin();
        for number in 1..=4 {
            let new =
                json!({ "code": format!("type-{number}"), "display": format!("Type {number}"), "reason": "a test" });
            assert_eq!(admin.post("/organisation-types", &new).await.status, 201);
        }
        let renamed =
            admin.patch("/organisation-types/type-3", "*", &json!({ "display": "Third", "reason": "R 1" })).await;
        assert_eq!(renamed.status, 200);
        admin.post("/organisation-types", &json!({})).await.problem(422);
        Self(server)
    }

    const fn server(&self) -> &TestServer {
        &self.0
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run(self.server().directory.path(), &[&["audit"], arguments].concat())
    }

    fn verify(&self) -> Run {
        self.run(&["verify", "--of", "changes", "--json"])
    }

    /// Signs what there is, as the server does.
    async fn sign(&self) -> i64 {
        let server = self.server();
        let database = server.database.handle();
        let (sequence, hash) = database.audit_head().await.unwrap();
        let iat = server.clock.now();
        let statement = json!({
            "iss": server.issuer(), "iat": iat.0, "stream": "changes", "sequence": sequence, "hash": hash,
        });
        let signature = server.running.app.keys.sign_checkpoint(&statement).unwrap();
        database.insert_audit_checkpoint(&AuditCheckpoint { sequence, hash, at: iat, signature }).await.unwrap();
        sequence
    }
}

fn sequences(run: &Run) -> Vec<i64> {
    run.json().as_array().unwrap().iter().map(|record| record["sequence"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_found_and_shown_with_what_was_before_and_after() {
    let audited = Audited::new().await;
    let found = |filter: &[&str]| sequences(&audited.run(&[&["search", "--of", "changes", "--json"], filter].concat()));
    assert_eq!(found(&[]), [6, 5, 4, 3, 2, 1]);
    assert_eq!(found(&["--limit", "2"]), [6, 5]);
    assert_eq!(found(&["--identifier", "type-3"]), [5, 3]);
    assert_eq!(found(&["--action", "organisation_type.changed"]), [5]);
    assert_eq!(found(&["--actor", "Root", "--outcome", "refused"]), [6]);
    let nothing = audited.run(&["search", "--of", "changes", "--actor", "nobody"]);
    assert_eq!(nothing.code, 1);
    for misplaced in [
        &["--of", "changes", "--client-id", "x"][..],
        &["--of", "changes", "--outcome", "issued"],
        &["--of", "tokens", "--actor", "Root"],
        &["--outcome", "done"],
    ] {
        assert_eq!(audited.run(&[&["search"], misplaced].concat()).code, 2, "{misplaced:?}");
    }
    let line = audited.run(&["search", "--of", "changes", "--identifier", "type-3", "--limit", "1"]).success().stdout;
    for part in ["5  2027-", "Root (api)", "organisation_type.changed", "type-3", "R 1"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let last = audited.run(&["tail", "--of", "changes", "-n", "2"]).success().stdout;
    assert!(
        last.lines().next().unwrap().starts_with("5  ") && last.lines().nth(1).unwrap().contains("REFUSED: 422"),
        "{last}"
    );

    let shown = audited.run(&["show", "5"]).success().stdout;
    assert!(shown.contains("display: \"Type 3\" → \"Third\"") && !shown.contains("code:"), "{shown}");
    let json = audited.run(&["show", "5", "--json"]).success().json();
    assert_eq!((&json["before"]["display"], &json["reason"]), (&json!("Type 3"), &json!("R 1")));
    assert_eq!((audited.run(&["show", "7"]).code, audited.run(&["show", "0"]).code), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_shown_as_they_come() {
    let audited = Audited::new().await;
    let directory = audited.server().directory.path();
    let arguments = ["audit", "tail", "--of", "changes", "--follow", "--json", "-n", "1"];
    let mut tail = Running(command(directory, &arguments).stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| said.send(line)));
    let mut next = async || {
        let line = soon("a record", heard.recv()).await.unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["sequence"].clone()
    };
    assert_eq!(next().await, 6);
    let new = json!({ "code": "type-9", "display": "Nine" });
    assert_eq!(audited.server().admin().post("/organisation-types", &new).await.status, 201);
    assert_eq!(next().await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_verified_and_whatever_was_changed_is_found() {
    // R51
    let audited = Audited::new().await;
    audited.sign().await;
    let sound = audited.run(&["verify"]).success().stdout;
    assert!(sound.contains("changes: 6 records") && sound.contains("1 valid checkpoints, 0 records behind"), "{sound}");
    assert!(sound.contains("The audit of changes is as it was written."), "{sound}");
    let both = audited.run(&["verify", "--json"]).success().json();
    assert_eq!((&both["ok"], &both["changes"]["records"]), (&json!(true), &json!(6)));
    assert!(both["tokens"]["streams"].is_array());
    assert!(audited.run(&["verify", "--of", "tokens", "--json"]).success().json()["changes"].is_null());

    let database = &audited.server().database;
    for (tampering, mending, record) in [
        (
            "UPDATE audit SET record = REPLACE(record, 'R 1', 'R 2')",
            "UPDATE audit SET record = REPLACE(record, 'R 2', 'R 1')",
            5,
        ),
        ("UPDATE audit SET actor = 'Moot' WHERE sequence = 2", "UPDATE audit SET actor = 'Root' WHERE sequence = 2", 2),
        (
            "UPDATE audit SET action = 'a' WHERE sequence = 1",
            "UPDATE audit SET action = 'organisation_type.added' WHERE sequence = 1",
            1,
        ),
        (
            "UPDATE audit SET subject = 'a' WHERE sequence = 1",
            "UPDATE audit SET subject = 'organisation_type' WHERE sequence = 1",
            1,
        ),
        (
            "UPDATE audit SET identifier = 'a' WHERE sequence = 3",
            "UPDATE audit SET identifier = 'type-3' WHERE sequence = 3",
            3,
        ),
        (
            "UPDATE audit SET outcome = 'done' WHERE sequence = 6",
            "UPDATE audit SET outcome = 'refused' WHERE sequence = 6",
            6,
        ),
        ("UPDATE audit SET at = at + 1 WHERE sequence = 4", "UPDATE audit SET at = at - 1 WHERE sequence = 4", 4),
        ("UPDATE audit_checkpoints SET at = at + 1", "UPDATE audit_checkpoints SET at = at - 1", 6),
        ("UPDATE audit_checkpoints SET hash = 'x' || hash", "UPDATE audit_checkpoints SET hash = SUBSTR(hash, 2)", 6),
        ("UPDATE audit_checkpoints SET sequence = 5", "UPDATE audit_checkpoints SET sequence = 6", 5),
        (
            "UPDATE audit_checkpoints SET signature = REPLACE(signature, '.', '.A')",
            "UPDATE audit_checkpoints SET signature = REPLACE(signature, '.A', '.')",
            6,
        ),
        ("UPDATE audit_head SET hash = 'x' || hash", "UPDATE audit_head SET hash = SUBSTR(hash, 2)", 6),
        ("UPDATE audit SET hash = 'x' || hash WHERE sequence = 2", "", 2),
    ] {
        database.tamper(tampering).await;
        let found = audited.verify();
        assert_eq!(
            (found.code, &found.json()["changes"]["broken"]["sequence"]),
            (1, &json!(record)),
            "{tampering}: {found:?}"
        );
        if !mending.is_empty() {
            database.tamper(mending).await;
            assert_eq!(audited.verify().code, 0, "{mending}");
        }
    }
    let said = audited.run(&["verify"]);
    assert!(said.code == 1 && said.stdout.contains("BROKEN: record 2 of the audit: it was changed"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_or_signed_by_somebody_else_is_found() {
    // R51
    for (tampering, record) in [
        (&["DELETE FROM audit WHERE sequence = 3"][..], 3),
        (&["DELETE FROM audit WHERE sequence = 6"], 6),
        (
            &[
                "DELETE FROM audit WHERE sequence > 4",
                "UPDATE audit_head SET sequence = 4, hash = (SELECT hash FROM audit WHERE sequence = 4)",
            ],
            5,
        ),
    ] {
        let audited = Audited::new().await;
        audited.sign().await;
        for statement in tampering {
            audited.server().database.tamper(statement).await;
        }
        let found = audited.verify();
        assert_eq!((found.code, &found.json()["changes"]["broken"]["sequence"]), (1, &json!(record)), "{tampering:?}");
    }
    // A checkpoint that says what is, by a key that is not the issuer's.
    let (audited, stranger) = (Audited::new().await, TestServer::start().await);
    rotate_alone(&stranger).await;
    let database = audited.server().database.handle();
    let (sequence, hash) = database.audit_head().await.unwrap();
    let statement =
        json!({ "iss": audited.server().issuer(), "iat": 1, "stream": "changes", "sequence": sequence, "hash": hash });
    let signature = stranger.running.app.keys.sign_checkpoint(&statement).unwrap();
    let at = UnixTime(1);
    database.insert_audit_checkpoint(&AuditCheckpoint { sequence, hash, at, signature }).await.unwrap();
    let found = audited.verify();
    assert_eq!((found.code, found.json()["changes"]["unknown_keys"].as_array().unwrap().len()), (1, 1), "{found:?}");
    assert!(audited.run(&["verify", "--of", "changes"]).stdout.contains("NOT PROVEN"));
    assert_eq!(audited.run(&["verify", "--of", "changes", "--without-keys"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_verified_without_the_database() {
    // R51
    let audited = Audited::new().await;
    audited.sign().await;
    let directory = audited.server().directory.path();
    assert_eq!(audited.run(&["export", "changes.jsonl", "--json"]).success().json()["records"], 6);
    assert_eq!(audited.run(&["export", "changes.jsonl"]).code, 2, "nothing is overwritten");
    let text = fs::read_to_string(directory.join("changes.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 8);

    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("jwks.json"), audited.server().running.app.keys.key_set().json()).unwrap();
    let verify = |text: &str| {
        fs::write(elsewhere.path().join("copy.jsonl"), text).unwrap();
        run(elsewhere.path(), &["audit", "verify", "--changes-file", "copy.jsonl", "--jwks", "jwks.json", "--json"])
    };
    let sound = verify(&text).success().json();
    assert_eq!(
        (&sound["ok"], &sound["changes"]["records"], &sound["changes"]["checkpoints"]),
        (&json!(true), &json!(6), &json!(1))
    );
    let without = |line: usize| {
        text.lines()
            .enumerate()
            .filter(|(index, _)| *index != line)
            .map(|(_, line)| format!("{line}\n"))
            .collect::<String>()
    };
    let cut = text.lines().take(4).map(|line| format!("{line}\n")).collect::<String>();
    for (changed, record) in [
        (text.replacen("Third", "Fourth", 1), 5),
        (text.replacen("\"actor\":{\"name\":\"Root\"", "\"actor\":{\"name\":\"Moot\"", 1), 1),
        (without(0), 1),
        (without(2), 3),
        (without(5), 6),
        (without(7), 7),
        (cut, 5),
        (String::new(), 1),
        ("nonsense\n".to_owned(), 1),
        (format!("{text}{{}}\n"), 7),
    ] {
        let found = verify(&changed);
        assert_eq!((found.code, &found.json()["changes"]["broken"]["sequence"]), (1, &json!(record)), "{found:?}");
    }
    let keys = KeySet::parse(audited.server().running.app.keys.key_set().json().as_bytes()).unwrap();
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        let report = verify_exported(changed.as_slice(), &keys, &[]).unwrap();
        assert!(!report.is_sound(), "byte {at} of {text}");
    }
    assert_eq!(run(elsewhere.path(), &["audit", "verify", "--changes-file", "absent"]).code, 2);
}

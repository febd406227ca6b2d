//! What is behind the chain, what is missing at its end, and what no signature covers.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_behind_the_end_of_the_chain_is_found() {
    // R51
    let audited = Audited::new().await;
    audited.sign().await;
    let columns = "at, actor, action, subject, identifier, outcome, record, hash";
    audited
        .server()
        .database
        .tamper(&format!("INSERT INTO audit (sequence, {columns}) SELECT 999, {columns} FROM audit WHERE sequence = 6"))
        .await;
    let found = audited.verify();
    assert_eq!((found.code, &found.json()["changes"]["broken"]["sequence"]), (1, &json!(999)));
    assert!(found.stdout.contains("it lies behind the end of the chain"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_with_its_signatures_is_found_by_what_the_log_knows() {
    // R51
    let audited = Audited::new().await;
    audited.sign().await;
    let (_, hash) = audited.server().database.handle().audit_head().await.unwrap();
    let known = format!("changes:6:{hash}");
    let verify = |more: &[&str]| audited.run(&[&["verify", "--of", "changes"], more].concat());
    verify(&["--known", &known]).success();
    let shown = audited.run(&["show", "6"]).success().stdout;
    assert!(shown.contains(&hash), "{shown}");
    let other = verify(&["--known", &known.replace(":6:", ":5:")]);
    assert!(
        other.code == 1 && other.stdout.contains("record 5 of the audit: it is not the one that a known"),
        "{other:?}"
    );

    let fourth = audited.run(&["show", "4", "--json"]).success().json();
    let hash_of_4 = fourth["hash"].as_str().unwrap();
    audited.server().database.tamper("DELETE FROM audit_checkpoints").await;
    audited.server().database.tamper("DELETE FROM audit WHERE sequence > 4").await;
    audited.server().database.tamper(&format!("UPDATE audit_head SET sequence = 4, hash = '{hash_of_4}'")).await;
    let unsigned = verify(&[]).success().stdout;
    assert!(unsigned.contains("NOT SIGNED: no checkpoint covers any of it"), "{unsigned}");
    let cut = verify(&["--known", &known]);
    assert!(
        cut.code == 1 && cut.stdout.contains("record 6 of the audit: it is missing: a known checkpoint covers it"),
        "{cut:?}"
    );

    for (of, known) in [("tokens", known.as_str()), ("changes", &known.replace("changes", "3f9a61c2"))] {
        let unused = audited.run(&["verify", "--of", of, "--known", known]);
        assert!(unused.code == 2 && unused.stderr.contains("is of what is not verified here"), "{unused:?}");
    }
    let (zeros, none) = ("0".repeat(64), verify(&["--known", "changes:x:y"]));
    assert_eq!(none.code, 2, "{none:?}");
    audited.server().database.tamper("DELETE FROM audit").await;
    audited.server().database.tamper(&format!("UPDATE audit_head SET sequence = 0, hash = '{zeros}'")).await;
    let emptied = verify(&[]);
    assert!(emptied.code == 1 && emptied.stdout.contains("NOT PROVEN: there are no records"), "{emptied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_was_written_anew_is_neither_believed_nor_signed_by_the_machine_that_had_signed_it() {
    // R51
    let server = TestServer::with("record.checkpoint_every_seconds = 1\n").await;
    let admin = server.admin();
    for number in 1..=2 {
        let new = json!({ "code": format!("type-{number}"), "display": "A type" });
        assert_eq!(admin.post("/organisation-types", &new).await.status, 201);
    }
    let database = server.database.handle();
    until("a checkpoint", async || database.last_audit_checkpoint().await.unwrap() == 2).await;
    let first = database.read_audit(0, 1).await.unwrap().remove(0);
    let path = server.directory.path();
    until("what the machine knows", async || {
        fs::read_to_string(path.join("records/changes.checkpoint")).is_ok_and(|text| text.starts_with("changes:2:"))
    })
    .await;
    run(path, &["audit", "verify"]).success();
    server.database.tamper("DELETE FROM audit_checkpoints").await;
    server.database.tamper("DELETE FROM audit WHERE sequence = 2").await;
    server.database.tamper(&format!("UPDATE audit_head SET sequence = 1, hash = '{}'", first.hash)).await;
    let found = run(path, &["audit", "verify", "--of", "changes"]);
    assert!(found.code == 1 && found.stdout.contains("record 2 of the audit: it is missing: a known"), "{found:?}");

    let TestServer { running, database, .. } = server;
    running.stop().await; // which signs what is not signed
    assert_eq!(database.handle().last_audit_checkpoint().await.unwrap(), 0);
}

//! The record is a chain, and signed: whatever is changed afterwards is found.

use std::{fs, sync::Arc};

use careconnect_auth::{
    config::Config,
    hash_chain::CHECKPOINT_TYPE,
    record::{Checkpoint, CheckpointSigner, Fault, IssuanceRecord, KnownCheckpoint, Report, verify},
    server::{RunningServer, Sockets},
};
use careconnect_verifier::{FixedKeys, KeySet, Rejection, TokenVerifier, UnverifiedText};
use tokio::net::TcpListener;

use super::{files, lines, records, the_only_file};
use crate::support::{
    log::Log,
    signing_keys::rotate_alone,
    soon::{soon, until},
    test_server::{ROOT, TestServer, consumer},
};

async fn asked(server: &TestServer) {
    let answer = server.token().basic("nobody", "wrong").field("resource", ROOT).send().await;
    assert_eq!(answer.status, 401);
}

fn keys(server: &TestServer) -> KeySet {
    KeySet::parse(server.running.app.keys.key_set().json().as_bytes()).unwrap()
}

fn verified(server: &TestServer, keys: &KeySet) -> Report {
    verify(&records(server), Some(keys), &[]).unwrap()
}

fn checkpoints(server: &TestServer) -> Vec<String> {
    let text: String = files(server).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter_map(|line| line["checkpoint"].as_str().map(str::to_owned)).collect()
}

/// A server whose record has two checkpoints.
async fn signed() -> (TestServer, KeySet) {
    let server = TestServer::start().await;
    for count in 1..=2 {
        asked(&server).await;
        server.clock.advance(300);
        asked(&server).await;
        until("a checkpoint", async || checkpoints(&server).len() == count).await;
    }
    asked(&server).await;
    let keys = keys(&server);
    (server, keys)
}

#[tokio::test]
async fn checkpoints_stand_among_the_lines_and_are_valid() {
    let (server, keys) = signed().await;
    let report = verified(&server, &keys);
    assert!(report.is_sound(), "{report:#?}");
    let stream = &report.streams[0];
    assert_eq!((stream.lines, stream.valid_checkpoints, stream.lines_after_checkpoint), (1 + 5 + 2, 2, 1));
    let unsigned = verify(&records(&server), None, &[]).unwrap();
    assert_eq!((unsigned.is_sound(), unsigned.streams[0].unverifiable_checkpoints), (true, 2));
    let said: Checkpoint =
        serde_json::from_str(&UnverifiedText::read(checkpoints(&server)[1].as_bytes()).unwrap().payload).unwrap();
    assert_eq!((said.iss.as_str(), said.stream.as_str(), said.sequence), (server.issuer(), stream.stream.as_str(), 6));
}

#[tokio::test]
async fn a_checkpoint_is_never_taken_for_an_access_token() {
    // R24
    let (server, _) = signed().await;
    let now = server.clock.clone();
    let verifier = TokenVerifier::for_issuer(server.issuer())
        .audience(ROOT)
        .keys(FixedKeys::new(keys(&server)))
        .clock(move || careconnect_auth::clock::Clock::now(now.as_ref()).0)
        .build()
        .unwrap();
    for checkpoint in checkpoints(&server) {
        let rejection = verifier.verify_offline(checkpoint.as_str()).unwrap_err();
        assert_eq!(rejection, Rejection::WrongType { received: Some(CHECKPOINT_TYPE.to_owned()) });
    }
}

#[tokio::test]
async fn a_day_and_a_run_end_with_a_checkpoint_and_a_restart_continues_the_stream() {
    let log = Log::capture();
    let server = TestServer::start().await;
    asked(&server).await;
    server.clock.advance(24 * 60 * 60);
    let fresh = async || server.get("/health/ready").await.json()["status"] == "ready";
    until("the register is of today", fresh).await;
    asked(&server).await;
    let keys = keys(&server);
    let TestServer { running, clock, directory, database, .. } = server;
    soon("the end", running.stop()).await;

    let records = directory.path().join("records");
    let report = verify(&records, Some(&keys), &[]).unwrap();
    let stream = &report.streams[0];
    assert!(report.is_sound(), "{report:#?}");
    assert_eq!((stream.files, stream.valid_checkpoints, stream.lines_after_checkpoint), (2, 2, 0));
    let before = stream.last_sequence;

    let config = Config::load(Some(&directory.path().join("careconnect-auth.toml"))).unwrap();
    let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let again = RunningServer::start(&config, clock, Sockets { public, admin: None, metrics: None }).await.unwrap();
    soon("the end", again.stop()).await;
    let report = verify(&records, Some(&keys), &[]).unwrap();
    assert_eq!((report.is_sound(), report.streams.len()), (true, 1));
    assert_eq!((report.streams[0].last_sequence, report.streams[0].files), (before + 2, 2), "a mark and a checkpoint");
    drop((log, database));
}

#[tokio::test]
async fn the_log_has_a_copy_of_each_checkpoint_with_which_a_cut_is_found() {
    let (server, keys) = signed().await;
    let file = the_only_file(&server);
    let whole = fs::read_to_string(&file).unwrap();
    let last = &checkpoints(&server)[1];
    let said: Checkpoint = serde_json::from_str(&UnverifiedText::read(last.as_bytes()).unwrap().payload).unwrap();
    let known: KnownCheckpoint = format!("{}:{}:{}", said.stream, said.sequence, said.hash).parse().unwrap();
    assert!(verify(&records(&server), Some(&keys), std::slice::from_ref(&known)).unwrap().is_sound());
    let first_checkpoint = whole.lines().position(|line| line.contains("\"checkpoint\"")).unwrap();
    let cut: String = whole.split_inclusive('\n').take(first_checkpoint + 1).collect();
    fs::write(&file, cut).unwrap();
    assert!(verified(&server, &keys).is_sound(), "nothing in the files speaks against it");
    let report = verify(&records(&server), Some(&keys), &[known]).unwrap();
    let fault = &report.broken().next().unwrap().fault;
    assert_eq!(*fault, Fault::CutOff { known: 6, last: 4 });
}

/// Writes the record of `server` anew, in another directory, with checkpoints by `sign`.
async fn forged(server: &TestServer, sign: CheckpointSigner) -> Report {
    let elsewhere = tempfile::tempdir().unwrap();
    let file = the_only_file(server);
    let directory = elsewhere.path().to_owned();
    let section = careconnect_auth::config::Record { directory, ..Default::default() };
    let clock: Arc<dyn careconnect_auth::clock::Clock> = server.clock.clone();
    let record = IssuanceRecord::open(&section, server.issuer(), sign, clock).unwrap();
    let entry = serde_json::from_value(lines(&file)[0].clone()).unwrap();
    record.write(&entry).await.unwrap();
    let ended = record.ended();
    drop(record);
    soon("the last checkpoint", ended).await;
    verify(elsewhere.path(), Some(&keys(server)), &[]).unwrap()
}

#[tokio::test]
async fn a_checkpoint_by_another_key_or_of_another_place_proves_nothing() {
    let (server, _) = signed().await;
    let stranger = TestServer::start().await;
    rotate_alone(&stranger).await;
    let other = stranger.running.app.keys.clone();
    let report = forged(&server, Box::new(move |checkpoint| Ok(other.sign_checkpoint(checkpoint)?))).await;
    assert_eq!((report.is_sound(), report.broken().count()), (false, 0));
    assert_eq!(report.streams[0].unknown_keys.len(), 1);

    let ours = server.running.app.keys.clone();
    let report = forged(&server, Box::new(move |checkpoint| Ok(ours.sign_checkpoint(checkpoint)?))).await;
    assert!(report.is_sound() && report.streams[0].valid_checkpoints == 1);

    let of_another_place = checkpoints(&server).remove(1);
    let ours = server.running.app.keys.clone();
    let with_another_signature = move |checkpoint: &Checkpoint| {
        let signed = ours.sign_checkpoint(checkpoint)?;
        let (said, _) = signed.rsplit_once('.').ok_or("three parts")?;
        Ok(format!("{said}.{}", "A".repeat(86)))
    };
    let wrong: [(CheckpointSigner, &str); 3] = [
        (Box::new(move |_| Ok(of_another_place.clone())), "expected a statement about line 2 of this stream"),
        (Box::new(with_another_signature), "signature"),
        (Box::new(|_| Ok("nonsense".to_owned())), "compact JWS"),
    ];
    for (sign, said) in wrong {
        let report = forged(&server, sign).await;
        let fault = report.broken().next().expect("a wrong checkpoint").fault.clone();
        assert!(matches!(&fault, Fault::WrongCheckpoint(why) if why.contains(said)), "{said}: {fault}");
    }
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let token = server.token_by_secret(&registered).send().await.token();
    let report = forged(&server, Box::new(move |_| Ok(token.clone()))).await; // R24
    let fault = report.broken().next().unwrap().fault.to_string();
    assert!(fault.contains(&format!("expected typ \"{CHECKPOINT_TYPE}\", received \"at+jwt\"")), "{fault}");
}

#[tokio::test]
async fn two_nodes_on_one_machine_have_a_stream_each() {
    let server = TestServer::start().await;
    let other = server.another_node().await;
    asked(&server).await;
    let keys = keys(&server);
    soon("the end", other.stop()).await;
    let report = verified(&server, &keys);
    assert_eq!((report.is_sound(), report.streams.len()), (true, 2), "{report:#?}");
}

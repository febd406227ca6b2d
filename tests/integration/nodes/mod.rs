//! Several nodes on one database: restarted one after the other, and beside a newer release.

mod balancer;
mod upgrade;

use std::{cell::Cell, path::Path};

use careconnect_auth::{
    clock::{Clock, SystemClock},
    operations::{register_consumer::register_consumer, register_provider::register_provider},
    storage::Database,
};
use reqwest::Method;
use serde_json::json;

use self::balancer::Balancer;
use crate::support::{
    changes::act,
    command::run,
    databases::is_postgres,
    process::{Scene, Serve},
    soon::until,
    test_server::{ROOT, TestServer, consumer, provider},
};

/// Long enough for the balancer to hear it on a busy machine.
const ANNOUNCED: &str = "limits.announce_stop_seconds = 4";

/// A provider and a consumer with a secret.
async fn populated() -> (Scene, String, String) {
    let scene = Scene::migrated().await;
    let (database, now) = (scene.database.handle(), SystemClock.now());
    register_provider(database, provider(ROOT), act(now)).await.unwrap();
    let registered = register_consumer(database, consumer(), act(now)).await.unwrap();
    let secret = registered.secret.as_ref().unwrap().expose().to_owned();
    (scene, registered.consumer.client_id.as_str().to_owned(), secret)
}

fn replace(directory: &Path, from: &str, to: &str) {
    let file = directory.join("careconnect-auth.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    assert!(before.contains(from));
    std::fs::write(file, before.replace(from, to)).unwrap();
}

#[tokio::test]
async fn two_nodes_that_are_restarted_one_after_the_other_lose_no_request() {
    let (scene, id, secret) = populated().await;
    let (other, port) = scene.another_node();
    for directory in [scene.path(), &other] {
        replace(directory, "limits.announce_stop_seconds = 0", ANNOUNCED);
    }
    let nodes = [(scene.path().to_owned(), scene.public), (other, port)];
    let balancer = Balancer::over(&scene, nodes.each_ref().map(|(_, port)| *port), (id, secret));
    let restarts = async {
        let mut served = nodes.each_ref().map(|(directory, _)| Serve::start(directory));
        balancer.until_all_are_in().await;
        for (number, (directory, _)) in nodes.iter().enumerate() {
            balancer.until_more_is_answered().await;
            served[number].signal("TERM");
            until("the announcement", async || !balancer.is_in(number)).await;
            balancer.until_more_is_answered().await; // by the other, while this one still would
            served[number].ends_well_soon().await;
            served[number] = Serve::spawn(directory);
            balancer.until_all_are_in().await;
        }
        balancer.until_more_is_answered().await;
    };
    tokio::select! {
        () = restarts => {}
        () = balancer.work() => {}
    }
    assert_eq!(*balancer.lost.borrow(), [""; 0], "of {}", balancer.answered.get());
}

#[tokio::test]
async fn whoever_balances_hears_of_a_stop_first_and_connections_are_led_elsewhere_without_a_loss() {
    let server = TestServer::start().await;
    server.register_provider(|_| {}).await;
    let registered = server.register(consumer()).await;
    let (http2, http1) = (server.client(), Scene::client_of(&server.server_authority));
    let ask = async |client: &reqwest::Client| {
        let answer = client.get(server.url("/health/ready")).send().await.unwrap();
        let closes = answer.headers().get("connection").is_some_and(|value| value == "close");
        (answer.status().as_u16(), answer.version(), closes)
    };
    assert_eq!(ask(&http1).await, (200, reqwest::Version::HTTP_11, false));
    server.running.app.announce_stop();
    let ready = server.get("/health/ready").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["status"]), (503, &"stopping".into()));
    assert_eq!(ask(&http1).await, (503, reqwest::Version::HTTP_11, true));
    assert_eq!(ask(&http2).await, (503, reqwest::Version::HTTP_2, false));
    server.token_by_secret(&registered).send().await.token();
    server.admin().get("/whoami").await;
}

/// What a newer release's migration might do: expand, and no more.
async fn apply_a_later_migration(scene: &Scene) {
    let checksum = if is_postgres() { r"'\x00'" } else { "X'00'" };
    for statement in [
        "ALTER TABLE consumers ADD COLUMN later_idea TEXT",
        "ALTER TABLE audit ADD COLUMN later_idea TEXT",
        "CREATE TABLE later_things (id BIGINT PRIMARY KEY, name TEXT NOT NULL)",
        &format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'later things', TRUE, {checksum}, 1)"
        ),
    ] {
        scene.database.tamper(statement).await;
    }
}

#[tokio::test]
async fn a_node_goes_on_with_everything_while_a_newer_release_expands_the_schema_and_none_of_its_own_starts_anew() {
    let (scene, id, secret) = populated().await;
    let balancer = Balancer::over(&scene, [scene.public], (id, secret));
    let _served = Serve::start(scene.path());
    let (admin, registered) = (scene.admin(), Cell::new(0));
    // A suspension that is followed is a change that was written, committed, told and read.
    let change = async || {
        let number = registered.replace(registered.get() + 1);
        let body = json!({
            "name": format!("Service {number}"), "asid": format!("3{number:011}"), "ods_code": "A1001",
            "organisation_type": "urgent-care", "supplier_ods_code": "SUP1", "reason": "a test",
            "with_secret": true,
        });
        let made = admin.request(Method::POST, "/consumers").json(&body).send().await.unwrap();
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
        let made: serde_json::Value = made.json().await.unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let own = (text(&made["consumer"]["client_id"]), text(&made["client_secret"]));
        until("a token for it", async || balancer.ask(0, &own).await.is_none_or(|refused| refused.contains("group")))
            .await;
    };
    let upgrade = async {
        balancer.until_all_are_in().await;
        change().await;
        apply_a_later_migration(&scene).await;
        for _ in 0..3 {
            change().await;
            balancer.until_more_is_answered().await;
        }
    };
    tokio::select! {
        () = upgrade => {}
        () = balancer.work() => {}
    }
    assert_eq!(*balancer.lost.borrow(), [""; 0], "of {}", balancer.answered.get());

    let known = Database::all_migrations().last().unwrap()[..4].parse::<u32>().unwrap();
    let (knows, (other, _)) = (format!("knows {known} at most"), scene.another_node());
    for (arguments, code) in [
        (&["serve"][..], 2),
        (&["migrate"], 2),
        (&["migrate", "--dry-run"], 2),
        (&["config", "check"], 1),
        (&["doctor"], 1),
    ] {
        let refused = run(&other, arguments);
        assert_eq!(refused.code, code, "{arguments:?}: {refused:?}");
        let said = refused.stdout + &refused.stderr;
        assert!(said.contains("migration 9999") && said.contains(&knows), "{arguments:?}: {said}");
    }
    let status = run(&other, &["migrate", "status", "--json"]);
    let last = status.json().as_array().unwrap().last().unwrap().clone();
    assert_eq!((status.code, &last["file"], &last["state"]), (1, &"9999_later_things.sql".into(), &"unknown".into()));
}

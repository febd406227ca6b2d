//! A server that is killed again and again while administrators write.

mod administrator;
mod evidence;
mod write;

use std::{cell::Cell, fs, time::Duration};

use serde_json::json;
use tokio::task::{LocalSet, spawn_local};

use self::{
    administrator::Administrator,
    evidence::{Evidence, nothing_is_half_there},
};
use crate::support::{
    command::run,
    process::{Scene, Serve},
    seeded::{Seeded, seed},
    soon::until,
};

const ADMINISTRATORS: u64 = 4;
const WRITES: u64 = 200;
const KILLS: u64 = 20;

#[tokio::test]
async fn what_was_answered_outlives_every_kill_with_its_record_and_nothing_is_half_there() {
    // R51
    let seed = seed();
    let outcome = LocalSet::new().run_until(async { spawn_local(prove(seed)).await }).await;
    assert!(outcome.is_ok(), "with TEST_SEED={seed}");
}

async fn prove(seed: u64) {
    let (scene, mut random) = (Scene::migrated().await, Seeded::new(seed));
    let answered = Cell::new(0);
    let mut administrators =
        (1..=ADMINISTRATORS).map(|number| Administrator::new(number, scene.admin(), Seeded::new(random.next())));
    let mut four: [Administrator; 4] = std::array::from_fn(|_| administrators.next().unwrap());
    let [first, second, third, fourth] = &mut four;
    let (served, ..) = tokio::join!(
        kill_again_and_again(&scene, &answered, &mut random),
        first.write(WRITES / ADMINISTRATORS, &answered),
        second.write(WRITES / ADMINISTRATORS, &answered),
        third.write(WRITES / ADMINISTRATORS, &answered),
        fourth.write(WRITES / ADMINISTRATORS, &answered),
    );

    nothing_is_half_there(&scene.database).await;
    let evidence = Evidence::of(&scene.database).await;
    for administrator in &four {
        administrator.done.iter().for_each(|done| evidence.has_once(done));
        administrator.finds_what_it_left().await;
    }
    let all = || four.iter().flat_map(|administrator| &administrator.done);
    assert_eq!(evidence.requests(), all().count(), "whatever is in the audit was asked for");
    assert!(all().any(|done| done.attempts > 1), "nobody was interrupted");
    assert!(all().any(|done| done.after.len() > 2), "no change was of several things");
    stop_and_verify(&scene, served, &mut random).await;
}

/// Kills it while `answered` grows, and gives the one that serves at last.
async fn kill_again_and_again(scene: &Scene, answered: &Cell<u64>, random: &mut Seeded) -> Serve {
    let mut served = Serve::start(scene.path());
    let between = WRITES / (KILLS + 1);
    for number in 0..KILLS {
        let refused = scene.client().post(token_endpoint(scene)).form(&[("grant_type", "password")]).send().await;
        assert_eq!(refused.unwrap().status(), 400, "this is in the other record");
        let enough = between * number + random.below(between);
        until("answers", async || answered.get() >= enough).await;
        tokio::time::sleep(Duration::from_micros(random.below(30_000))).await; // in the midst of whatever it does then
        served.kill();
        nothing_is_half_there(&scene.database).await;
        served = Serve::start(scene.path());
    }
    until("the last answer", async || answered.get() == WRITES).await;
    served
}

fn token_endpoint(scene: &Scene) -> String {
    format!("https://localhost:{}/careconnect/oauth2/token", scene.public)
}

/// Both records are as they were written, to the end; and no byte can be changed unnoticed.
async fn stop_and_verify(scene: &Scene, mut served: Serve, random: &mut Seeded) {
    served.stops_when_told();
    let verify = || run(scene.path(), &["audit", "verify", "--json"]);
    let sound = verify().success().json();
    let (changes, stream) = (&sound["changes"], &sound["tokens"]["streams"][0]);
    assert_eq!((&changes["uncovered"], &stream["lines_after_checkpoint"]), (&json!(0), &json!(0)), "{sound}");

    let files: Vec<_> =
        fs::read_dir(scene.path().join("records")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let file = files.iter().find(|path| path.extension().is_some_and(|extension| extension == "jsonl")).unwrap();
    let written = fs::read(file).unwrap();
    let mut changed = written.clone();
    let at = usize::try_from(random.below(written.len().try_into().unwrap())).unwrap();
    changed[at] ^= 1;
    fs::write(file, &changed).unwrap();
    let found = verify();
    assert_eq!(found.code, 1, "byte {at} of {}", String::from_utf8_lossy(&written));
    assert!(found.json()["tokens"]["streams"][0]["broken"]["line"].is_u64(), "byte {at}: {found:?}");
    fs::write(file, &written).unwrap();

    let half = "UPDATE audit SET record = REPLACE(record, 'Root', 'Moot') WHERE sequence = (SELECT MAX(sequence) / 2 FROM audit)";
    scene.database.tamper(half).await;
    let found = verify();
    let last = changes["records"].as_i64().unwrap();
    assert_eq!((found.code, &found.json()["changes"]["broken"]["sequence"]), (1, &json!(last / 2)), "{found:?}");
}

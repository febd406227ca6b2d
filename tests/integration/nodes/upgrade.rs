//! From the previous release to this one, node by node.

use std::{path::Path, process::Command};

use super::{Balancer, replace};
use crate::support::{
    command::{output, run},
    process::{Scene, Serve},
    test_server::ROOT,
};

/// Standard output of the previous release.
fn previous(binary: &Path, scene: &Scene, arguments: &[&str]) -> String {
    let mut command = Command::new(binary);
    command.current_dir(scene.path()).args(arguments).env_remove("CARECONNECT_AUTH_CONFIG");
    let said = output(command, b"");
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap()
}

/// `PREVIOUS_RELEASE` of the environment is the binary to upgrade from; without it there is none.
#[tokio::test]
async fn a_rolling_upgrade_from_the_previous_release_loses_no_request() {
    let Some(binary) = std::env::var_os("PREVIOUS_RELEASE") else { return };
    let (binary, scene) = (Path::new(&binary), Scene::set().await);
    replace(scene.path(), "limits.announce_stop_seconds = 0\n", ""); // a release may not know it
    previous(binary, &scene, &["migrate"]);
    let provider = ["provider", "register", "--asid", "200000000359", "--ods-code", "A20047", "--name", "Practice"];
    previous(binary, &scene, &[&provider[..], &["--service-root", ROOT, "--reason", "a test"]].concat());
    let consumer = ["consumer", "register", "--name", "Service", "--asid", "200000000299", "--ods-code", "A1001"];
    let rest = ["--organisation-type", "urgent-care", "--supplier", "SUP1", "--secret", "--group", "read:slot"];
    let granted = ["--evidence", "a test", "--reason", "a test"];
    let said = previous(binary, &scene, &[&consumer[..], &rest, &granted].concat());
    let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (other, port) = scene.another_node();
    let sealing_key = format!("keys.sealing_key_file = {:?}\n", scene.path().join("sealing-key"));
    replace(&other, &sealing_key, "");
    let nodes = [(scene.path().to_owned(), scene.public), (other, port)];
    let credentials = (value("client_id "), value("client_secret "));
    let balancer = Balancer::over(&scene, nodes.each_ref().map(|(_, port)| *port), credentials);
    let upgrade = async {
        let mut served = nodes.each_ref().map(|(directory, _)| Serve::start_release(binary, directory));
        balancer.until_all_are_in().await;
        let directory = scene.path().to_owned();
        tokio::task::spawn_blocking(move || run(&directory, &["migrate"]).success()).await.unwrap();
        balancer.until_more_is_answered().await;
        for (number, (directory, _)) in nodes.iter().enumerate() {
            balancer.keep_out(number, true).await;
            served[number].signal("TERM");
            served[number].ends_well_soon().await;
            if number == 1 {
                replace(directory, "issuer = ", &format!("{sealing_key}issuer = "));
            }
            served[number] = Serve::spawn(directory);
            balancer.keep_out(number, false).await;
        }
        balancer.until_all_are_in().await;
        balancer.until_more_is_answered().await;
    };
    tokio::select! {
        () = upgrade => {}
        () = balancer.work() => {}
    }
    assert_eq!(*balancer.lost.borrow(), [""; 0], "of {}", balancer.answered.get());
    run(scene.path(), &["migrate", "status"]).success();
}

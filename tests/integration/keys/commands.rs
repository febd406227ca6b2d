//! `careconnect-auth keys …`

use serde_json::Value;

use crate::support::{
    command::{Run, run},
    process::{Scene, Serve},
};

async fn started() -> Scene {
    let scene = Scene::migrated().await;
    Serve::start(scene.path()).stops_when_told();
    scene
}

fn keys(scene: &Scene, arguments: &[&str]) -> Run {
    run(scene.path(), &[&["--json", "--reason", "a test", "keys"], arguments].concat())
}

fn es256<'a>(listed: &'a Value, state: &str) -> Vec<&'a Value> {
    let all = listed.as_array().unwrap().iter();
    all.filter(|key| key["algorithm"] == "ES256" && key["state"] == state).collect()
}

#[tokio::test]
async fn keys_are_rotated_rehearsed_planned_and_revoked_by_hand() {
    let scene = started().await;
    let listed = keys(&scene, &["list"]).success().json();
    let first = es256(&listed, "active")[0]["kid"].as_str().unwrap().to_owned();
    let early = run(scene.path(), &["keys", "rehearse"]);
    assert!(early.code == 2 && early.stderr.contains("there is no next ES256 key yet"), "{early:?}");

    let rotated = keys(&scene, &["rotate", "--alg", "ES256"]).success().json();
    let next = rotated[0]["kid"].as_str().unwrap().to_owned();
    assert_eq!(rotated[0]["state"], "next");
    let rehearsed = keys(&scene, &["rehearse"]).success().json();
    assert_eq!(rehearsed["kid"], *next);
    std::fs::write(scene.path().join("all.json"), keys(&scene, &["list", "--jwks"]).success().stdout).unwrap();

    let plan = keys(&scene, &["plan"]).success().json();
    let events: Vec<_> = plan.as_array().unwrap().iter().filter(|event| event["algorithm"] == "ES256").collect();
    let said: Vec<_> = events.iter().map(|event| (event["kid"].as_str(), event["event"].as_str().unwrap())).collect();
    assert_eq!(said[..3], [(Some(&*next), "active"), (Some(&*first), "retiring"), (Some(&*first), "gone")]);
    assert!(said.contains(&(None, "published")) && said.contains(&(Some(&*next), "gone")));
    let people = run(scene.path(), &["keys", "plan"]).success().stdout;
    assert!(people.contains("signs from now on") && people.contains("a new key"), "{people}");

    let revoked = run(scene.path(), &["--reason", "stolen", "keys", "revoke", &first]).success();
    assert!(revoked.stdout.contains(&format!("{next} signs ES256 tokens from now on")), "{revoked:?}");
    let listed = keys(&scene, &["list"]).success().json();
    assert_eq!(es256(&listed, "active")[0]["kid"], *next);
    assert_eq!(es256(&listed, "withdrawn")[0]["kid"], *first);
    let again = run(scene.path(), &["--reason", "stolen", "keys", "revoke", &first]);
    assert!(again.code == 1 && again.stderr.contains("withdrawn already"), "{again:?}");

    let audit = run(scene.path(), &["--json", "audit", "search", "--of", "changes"]).success().stdout;
    for action in ["signing_key.published", "signing_key.withdrawn", "signing_key.rescheduled"] {
        assert!(audit.contains(action), "{action} in {audit}");
    }
    assert!(!audit.contains("v1."), "nothing sealed is in the audit");
    let verified = run(scene.path(), &["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let verified = run(scene.path(), &["audit", "verify", "--jwks", "all.json"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[tokio::test]
async fn a_key_in_pem_or_as_a_jwk_is_imported_and_signs_later() {
    // R43
    let scene = started().await;
    let file = |name: &str| format!("{}/tests/throwaway_keys/{name}", env!("CARGO_MANIFEST_DIR"));
    let imported = keys(&scene, &["import", "--alg", "ES256", &file("p256.sec1.pem")]).success().json();
    assert_eq!(imported[0]["state"], "next");
    let twice = keys(&scene, &["import", "--alg", "ES256", &file("p256.sec1.pem")]);
    assert!(twice.code == 1 && twice.stderr.contains("is already registered"), "{twice:?}");
    // The example of RFC 8037 A.1, and one of the same shape on P-256 from RFC 7515 A.3.
    let jwks = [
        (
            "EdDSA",
            r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
        (
            "ES256",
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#,
            "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
        ),
    ];
    for (algorithm, jwk, kid) in jwks {
        let path = scene.path().join("key.jwk");
        std::fs::write(&path, jwk).unwrap();
        let imported = keys(&scene, &["import", "--alg", algorithm, path.to_str().unwrap()]).success().json();
        assert_eq!(imported[0]["kid"], kid, "{algorithm}");
    }
    for (algorithm, name) in [("RS256", "rsa-1024.pem"), ("PS256", "rsa-2048-exponent-3.pem"), ("ES256", "p384.pem")] {
        let refused = keys(&scene, &["import", "--alg", algorithm, &file(name)]);
        assert!(
            refused.code == 2 && refused.stderr.contains(name) && refused.stderr.contains("expected"),
            "{refused:?}"
        );
    }
    keys(&scene, &["import", "--alg", "RS256", &file("rsa-2048.pem")]).success();
    let shared = keys(&scene, &["import", "--alg", "PS256", &file("rsa-2048.pkcs1.pem")]);
    assert!(shared.code == 1 && shared.stderr.contains("each algorithm needs a key of its own"), "{shared:?}");
    Serve::start(scene.path()).stops_when_told();
}

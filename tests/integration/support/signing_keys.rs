//! Signing keys that every test server begins with: RSA keys take their time to be made, and once in a process will do.

use std::{os::unix::fs::PermissionsExt, path::Path};

use careconnect_auth::{
    clock::Clock,
    domain::{KeptIn, PrivateHalf, SealedText, SigningKeyRecord},
    operations::{change_keys::KeyWork, rotate_keys::rotate_keys},
    signing::{KeyPlaces, KeyStores, NewKey},
};
use careconnect_verifier::Algorithm;
use tokio::sync::OnceCell;

use super::{authority::NOW, changes::act, databases::TestDatabase, soon::until, test_server::TestServer};

/// Sealed with the same key everywhere.
const SEALING_KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n";

/// Puts keys into the database, and the key that opens them into `directory`.
pub(crate) async fn put_into(database: &TestDatabase, directory: &Path) {
    static ROWS: OnceCell<String> = OnceCell::const_new();
    write_sealing_key(directory);
    database.tamper(ROWS.get_or_init(rows).await).await;
}

/// From now on it signs ES256 with a key that no other server has.
pub(crate) async fn rotate_alone(server: &TestServer) {
    let now = server.clock.now();
    rotate_keys(&KeyWork::of(&server.running.app), &[Algorithm::Es256], act(now)).await.unwrap();
    server.caught_up().await;
    let keys = &server.running.app.keys;
    until("the ring has followed", async || keys.key_set().kids().len() > keys.algorithms().len()).await;
    server.clock.advance(keys.ring().schedule().cache_time);
}

pub(crate) fn write_sealing_key(directory: &Path) {
    let file = directory.join("sealing-key");
    std::fs::write(&file, SEALING_KEY).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn rows() -> String {
    tokio::task::spawn_blocking(|| {
        let directory = tempfile::tempdir().unwrap();
        write_sealing_key(directory.path());
        let places = KeyPlaces {
            new_keys: KeptIn::Database,
            directory: directory.path().join("keys"),
            sealing_key: directory.path().join("sealing-key"),
            ..KeyPlaces::from(&careconnect_auth::config::Keys::default())
        };
        let stores = KeyStores::open(places, false).unwrap();
        let store = stores.for_new_keys().unwrap();
        let row = |made: NewKey| {
            let SigningKeyRecord { kid, algorithm, jwk, private_half, proof: SealedText(proof), .. } =
                stores.vouched(made.record(NOW, NOW)).unwrap();
            let PrivateHalf::Row(SealedText(sealed)) = private_half else { panic!("{private_half:?}") };
            let (jwk, at) = (jwk.to_json(algorithm, &kid), NOW.0);
            format!("('{kid}', '{algorithm}', '{jwk}', {at}, {at}, 'database', '{sealed}', '{proof}', 1)")
        };
        let rows: Vec<_> = store.makes().into_iter().map(|algorithm| row(store.make(algorithm).unwrap())).collect();
        format!(
            "INSERT INTO signing_keys (kid, algorithm, public_jwk, published_at, activates_at, kept_in, private_half, \
             proof, revision) VALUES {}",
            rows.join(", ")
        )
    })
    .await
    .unwrap()
}

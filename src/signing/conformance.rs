//! What every place for private keys and every crypto back-end must do: one suite, run against each.

mod place;
mod proof;

use careconnect_verifier::{Algorithm, Group};
use serde_json::json;
use uuid::Uuid;

pub(super) use self::place::pem;
use self::{
    place::{Place, import, keys_of, make},
    proof::{claims, decode, is_valid, published, verify},
};
use super::{KeyPlaces, KeyStores, Keys, SignedToken, SigningError, pkcs11::softhsm};
use crate::{
    clock::UnixTime,
    domain::{KeptIn, PrivateHalf, SealedText, SigningKeyRecord},
};

const NOW: UnixTime = UnixTime(1_800_000_000);

/// Runs each test of the suite against each place.
macro_rules! suite {
    ($($test:ident)*) => {
        mod sealed_files { $(#[test] fn $test() { super::$test(&super::Place::new(super::KeptIn::Files)) })* }
        mod sealed_rows { $(#[test] fn $test() { super::$test(&super::Place::new(super::KeptIn::Database)) })* }
        mod pkcs11 { $(#[test] fn $test() {
            super::softhsm::with_token(|settings| super::$test(&super::Place::in_token(settings)));
        })* }
    };
}

suite! {
    every_algorithm_signs_what_the_published_key_verifies
    a_changed_byte_breaks_the_signature
    the_entra_profile_says_what_azure_ad_said
    the_key_set_holds_public_halves_only_each_under_its_own_kid
    opening_again_gives_the_same_keys_and_the_same_entity_tag
    the_key_signs_whose_turn_it_is_and_the_one_before_stays_published
    what_openssl_writes_is_taken_over
    a_destroyed_key_signs_nothing_and_can_be_destroyed_again
    another_places_key_is_not_taken_for_it
    a_record_that_the_sealing_key_does_not_confirm_is_not_published
    resealed_keys_need_the_new_sealing_key_alone
    threads_sign_at_once
    a_token_and_a_key_do_not_print_themselves
}

fn sign(keys: &Keys, algorithm: Algorithm) -> SignedToken {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(keys.sign(algorithm, &claims(), NOW)).unwrap()
}

fn every_algorithm_signs_what_the_published_key_verifies(place: &Place) {
    // R1
    let keys = place.keys(place.records());
    assert!(keys.algorithms().starts_with(&[Algorithm::Es256, Algorithm::Rs256]));
    for algorithm in keys.algorithms() {
        let [header, payload] = verify(&keys, &sign(&keys, algorithm));
        assert_eq!(header["alg"], algorithm.name());
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header.as_object().unwrap().len(), 3);
        assert_eq!(payload, serde_json::to_value(claims()).unwrap());
    }
}

fn a_changed_byte_breaks_the_signature(place: &Place) {
    let keys = place.keys(place.records());
    for algorithm in keys.algorithms() {
        let token = sign(&keys, algorithm);
        let (message, signature) = token.expose().rsplit_once('.').unwrap();
        let changed = message.replace(char::from(message.as_bytes()[message.len() / 2]), "_");
        let key = published(&keys).into_iter().find(|key| key["alg"] == algorithm.name()).unwrap();
        assert!(!is_valid(&key, changed.as_bytes(), &decode(signature)), "{algorithm}");
    }
}

fn the_entra_profile_says_what_azure_ad_said(place: &Place) {
    let keys = place.keys(place.records());
    let object_id = Uuid::from_u128(0xab41_2fe9_3f68_4368_9810_9dc2_4d16_59b1);
    let object_id_of = |group: &Group| (*group == Group::READ_SLOT).then_some(object_id);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let claims = claims();
    let token = runtime.block_on(keys.sign_entra(Algorithm::Es256, &claims, "1", object_id_of, NOW)).unwrap();
    let [header, payload] = verify(&keys, &token);
    assert_eq!(header["typ"], "JWT");
    assert_eq!(payload["groups"], json!(["ab412fe9-3f68-4368-9810-9dc24d1659b1", Group::CREATE_APPOINTMENT]));
    assert_eq!([&payload["appid"], &payload["appidacr"], &payload["ver"]], ["client", "1", "1.0"]);
    assert_eq!(payload["asid"], "200000000205");
}

fn the_key_set_holds_public_halves_only_each_under_its_own_kid(place: &Place) {
    // R43
    let keys = place.keys(place.records());
    let published = published(&keys);
    let mut kids: Vec<_> = published.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), keys.algorithms().len());
    for key in &published {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private} in {key}");
        }
        assert_eq!(key["use"], "sig");
    }
}

fn opening_again_gives_the_same_keys_and_the_same_entity_tag(place: &Place) {
    let records = place.records();
    let (one, again) = (place.keys(records.clone()).key_set(), place.keys(records).key_set());
    assert_eq!((one.json(), one.etag()), (again.json(), again.etag()));
    assert!(one.etag().starts_with('"') && one.etag().ends_with('"'));
}

fn the_key_signs_whose_turn_it_is_and_the_one_before_stays_published(place: &Place) {
    let first = place.record(make(&place.stores(), Algorithm::Es256));
    let second = place.record(make(&place.stores(), Algorithm::Es256));
    let second = place.vouched(SigningKeyRecord { activates_at: NOW.plus(50), ..second });
    for (at, kid) in [(0, &first.kid), (49, &first.kid), (50, &second.kid), (149, &second.kid)] {
        let keys = keys_of(place.stores(), vec![first.clone(), second.clone()], NOW.plus(at));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let token = runtime.block_on(keys.sign(Algorithm::Es256, &claims(), NOW.plus(at))).unwrap();
        assert_eq!(verify(&keys, &token)[0]["kid"], **kid, "at {at}");
        assert_eq!(published(&keys).len(), 2);
    }
    let later = keys_of(place.stores(), vec![first, second], NOW.plus(150));
    assert_eq!(published(&later).len(), 1);
}

fn what_openssl_writes_is_taken_over(place: &Place) {
    let stores = place.stores();
    for (algorithm, file) in [(Algorithm::Es256, "p256.sec1.pem"), (Algorithm::Rs256, "rsa-2048.pem")] {
        let record = place.record(import(&stores, algorithm, file));
        let keys = place.keys(vec![record.clone()]);
        assert_eq!(verify(&keys, &sign(&keys, algorithm))[0]["kid"], *record.kid, "{file}");
    }
}

fn a_destroyed_key_signs_nothing_and_can_be_destroyed_again(place: &Place) {
    let (stores, record) = (place.stores(), place.record(make(&place.stores(), Algorithm::Es256)));
    for _ in 0..2 {
        stores.destroy(record.algorithm, &record.kid, &record.private_half).unwrap();
    }
    let record = place.vouched(SigningKeyRecord { private_half: PrivateHalf::Nowhere, ..record });
    assert!(stores.key(&record).is_err());
    let keys = place.keys(vec![record]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let refused = runtime.block_on(keys.sign(Algorithm::Es256, &claims(), NOW)).unwrap_err();
    assert!(matches!(refused, SigningError::KeyMissing(Algorithm::Es256)), "{refused}");
}

fn another_places_key_is_not_taken_for_it(place: &Place) {
    let one = place.record(make(&place.stores(), Algorithm::Es256));
    let other = place.record(make(&place.stores(), Algorithm::Es256));
    let swapped = SigningKeyRecord { private_half: other.private_half.clone(), ..one };
    if swapped.private_half != PrivateHalf::File {
        assert!(place.stores().key(&swapped).is_err());
    }
    assert!(place.kept_in == KeptIn::Pkcs11 || place.another().stores().key(&other).is_err());
}

fn a_record_that_the_sealing_key_does_not_confirm_is_not_published(place: &Place) {
    let stranger = place.another();
    let (ours, foreign) = (place.records(), stranger.records());
    let moved = SigningKeyRecord { proof: foreign[0].proof.clone(), ..ours[0].clone() };
    let without = SigningKeyRecord { proof: SealedText::default(), ..ours[0].clone() };
    let redated = SigningKeyRecord { activates_at: NOW.plus(1), ..ours[0].clone() };
    let ended = place.vouched(SigningKeyRecord { withdrawn_at: Some(NOW), ..ours[0].clone() });
    let undone = SigningKeyRecord { withdrawn_at: None, ..ended };
    let elsewhere = SigningKeyRecord { private_half: PrivateHalf::Token("aa".to_owned()), ..ours[0].clone() };
    for wrong in [foreign[0].clone(), moved, without, redated, undone, elsewhere] {
        let keys = place.keys(vec![wrong, ours[1].clone()]);
        assert_eq!(keys.key_set().kids().iter().map(AsRef::as_ref).collect::<Vec<_>>(), [&*ours[1].kid]);
    }
}

fn resealed_keys_need_the_new_sealing_key_alone(place: &Place) {
    let records = place.records();
    std::fs::rename(place.path().join("sealing-key"), place.path().join("former")).unwrap();
    super::SealingKeys::make(&place.path().join("sealing-key")).unwrap();
    assert!(place.stores().key(&records[0]).is_err() || place.kept_in == KeptIn::Pkcs11);
    let both = KeyPlaces { former_sealing_keys: vec![place.path().join("former")], ..place.places() };
    let both = KeyStores::open(both, false).unwrap();
    let resealed: Vec<_> = records.into_iter().map(|record| both.reseal(record).unwrap()).collect();
    let keys = place.keys(resealed);
    for algorithm in keys.algorithms() {
        verify(&keys, &sign(&keys, algorithm));
    }
}

fn threads_sign_at_once(place: &Place) {
    let keys = place.keys(place.records());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..8 {
                    verify(&keys, &sign(&keys, Algorithm::Es256));
                }
            });
        }
    });
}

fn a_token_and_a_key_do_not_print_themselves(place: &Place) {
    let keys = place.keys(place.records());
    let token = sign(&keys, Algorithm::Es256);
    let signature = token.expose().rsplit_once('.').unwrap().1;
    let printed = format!("{token:?} {keys:?}");
    assert!(printed.contains("jti: 6f1c") && !printed.contains(signature));
    assert!(!printed.contains("v1."), "{printed}");
}

#[test]
fn stolen_files_without_the_sealing_key_are_useless() {
    let place = Place::new(KeptIn::Files);
    let record = place.record(make(&place.stores(), Algorithm::Es256));
    let thief = Place::new(KeptIn::Files);
    std::fs::create_dir(thief.path().join("keys")).unwrap();
    for entry in std::fs::read_dir(place.path().join("keys")).unwrap() {
        let stolen = entry.unwrap().path();
        let text = std::fs::read_to_string(&stolen).unwrap();
        assert!(text.starts_with("v1.") && !text.contains("PRIVATE"));
        std::fs::copy(&stolen, thief.path().join("keys").join(stolen.file_name().unwrap())).unwrap();
    }
    assert!(matches!(thief.stores().key(&record), Err(SigningError::SealedByAnother { .. })));
}

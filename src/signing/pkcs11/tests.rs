use cryptoki::{
    context::Pkcs11,
    object::AttributeType,
    session::{Session, UserType},
};

use super::{
    module,
    softhsm::{LABEL, PIN, with_token},
    *,
};
use crate::signing::{conformance::pem, key_pair::KeyPair, pkcs8};

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::Rs256];

#[test]
fn what_a_token_signs_the_published_key_verifies() {
    // R1
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        for algorithm in ALGORITHMS {
            let (public, handle) = store.generate(algorithm).unwrap();
            let key = store.key(algorithm, &handle).unwrap();
            assert_eq!(key.public(), &public);
            let mut signature = b"before.".to_vec();
            key.sign(b"message", &mut signature).unwrap();
            assert!(
                half(settings, algorithm, &handle).verifies(b"message", signature.strip_prefix(b"before.").unwrap())
            );
            assert!(
                !half(settings, algorithm, &handle).verifies(b"another", signature.strip_prefix(b"before.").unwrap())
            );
        }
    });
}

#[test]
fn an_imported_key_is_the_same_key_in_the_token() {
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        for (algorithm, file) in [(Algorithm::Es256, "p256.sec1.pem"), (Algorithm::Rs256, "rsa-2048.pem")] {
            let private_half = pkcs8::from_pem(algorithm, &std::fs::read(pem(file)).unwrap()).unwrap();
            let (_, expected) = KeyPair::parse(algorithm, &private_half).unwrap();
            let (public, handle) = store.import(algorithm, &private_half).unwrap();
            assert_eq!(public, expected);
            store.key(algorithm, &handle).unwrap().sign(b"message", &mut Vec::new()).unwrap();
        }
        let weak = pkcs8::from_pem(Algorithm::Rs256, &std::fs::read(pem("rsa-1024.pem")).unwrap()).unwrap();
        assert!(matches!(store.import(Algorithm::Rs256, &weak), Err(SigningError::Token(Pkcs11Error::Unfit(_)))));
        assert!(store.import(Algorithm::Es256, b"no key").is_err());
        assert!(store.import(Algorithm::Es256, &weak).is_err());
    });
}

#[test]
fn a_private_key_can_neither_be_read_nor_do_anything_but_sign() {
    // R43
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        let private_half = pkcs8::from_pem(Algorithm::Es256, &std::fs::read(pem("p256.sec1.pem")).unwrap()).unwrap();
        let handles = [
            (Algorithm::Es256, store.generate(Algorithm::Es256).unwrap().1),
            (Algorithm::Rs256, store.generate(Algorithm::Rs256).unwrap().1),
            (Algorithm::Es256, store.import(Algorithm::Es256, &private_half).unwrap().1),
        ];
        let session = session(settings);
        for (algorithm, handle) in handles {
            let key = objects::private_key(&session, algorithm, &from_hex(&handle).unwrap()).unwrap();
            use AttributeType::{Decrypt, Derive, Label, Prime1, PrivateExponent, Sign, SignRecover, Unwrap, Value};
            assert!(session.get_attributes(key, &[Value, PrivateExponent, Prime1]).unwrap().is_empty());
            for (attribute, expected) in [
                (Sign, Attribute::Sign(true)),
                (SignRecover, Attribute::SignRecover(false)),
                (Decrypt, Attribute::Decrypt(false)),
                (Unwrap, Attribute::Unwrap(false)),
                (Derive, Attribute::Derive(false)),
            ] {
                assert_eq!(session.get_attributes(key, &[attribute]).unwrap(), [expected]);
            }
            let kid = store.key(algorithm, &handle).unwrap().public().thumbprint();
            let label = format!("careconnect-auth {algorithm} {kid}").into_bytes();
            assert_eq!(session.get_attributes(key, &[Label]).unwrap(), [Attribute::Label(label)]);
        }
    });
}

#[test]
fn eight_threads_sign_at_once() {
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        let keys = ALGORITHMS.map(|algorithm| {
            let handle = store.generate(algorithm).unwrap().1;
            (store.key(algorithm, &handle).unwrap(), half(settings, algorithm, &handle))
        });
        std::thread::scope(|scope| {
            for thread in 0..8_u8 {
                let keys = &keys;
                scope.spawn(move || {
                    for (number, (key, half)) in (0..40_u8).zip(keys.iter().cycle()) {
                        let mut signature = Vec::new();
                        key.sign(&[thread, number], &mut signature).unwrap();
                        assert!(half.verifies(&[thread, number], &signature));
                    }
                });
            }
        });
    });
}

#[test]
fn a_wrong_pin_is_tried_once_and_never_told() {
    with_token(|settings| {
        let wrong = Pkcs11Settings { pin: "99999999".to_owned().into(), ..settings.clone() };
        let error = Pkcs11Store::open(&wrong).unwrap_err();
        assert!(matches!(error, SigningError::Token(Pkcs11Error::PinRefused { .. })), "{error}");
        let told = format!("{error} {error:?} {wrong:?}");
        assert!(told.contains("PinIncorrect") && told.contains(LABEL) && !told.contains("99999999"), "{told}");
        Pkcs11Store::open(settings).unwrap();
    });
}

#[test]
fn a_pin_that_was_changed_costs_one_attempt_of_the_few() {
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        let handle = store.generate(Algorithm::Es256).unwrap().1;
        let key = store.key(Algorithm::Es256, &handle).unwrap();
        session(settings).set_pin(&PIN.to_owned().into(), &"24682468".to_owned().into()).unwrap();
        restart(settings);
        for _ in 0..2 {
            let error = key.sign(b"message", &mut Vec::new()).unwrap_err();
            assert!(matches!(error, SigningError::Token(Pkcs11Error::PinRefused { .. })), "{error}");
        }
        let changed = Pkcs11Settings { pin: "24682468".to_owned().into(), ..settings.clone() };
        Pkcs11Store::open(&changed).unwrap().key(Algorithm::Es256, &handle).unwrap();
        // The token lets this process in now; the store still does not ask it.
        key.sign(b"message", &mut Vec::new()).unwrap_err();
    });
}

#[test]
fn what_is_no_module_and_which_tokens_there_are_is_told() {
    with_token(|settings| {
        let elsewhere = Pkcs11Settings { token: "another".to_owned(), ..settings.clone() };
        let error = Pkcs11Store::open(&elsewhere).unwrap_err().to_string();
        assert!(error.contains("\"another\"") && error.contains("found 0 among: \"throw-away\""), "{error}");
        for module in
            ["/nowhere/libpkcs11.so", env!("CARGO_MANIFEST_DIR"), concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]
        {
            let error = Pkcs11Store::open(&Pkcs11Settings { module: module.into(), ..settings.clone() }).unwrap_err();
            assert!(matches!(error, SigningError::Token(Pkcs11Error::Module { .. })), "{error}");
            assert!(error.to_string().contains(module), "{error}");
        }
    });
}

#[test]
fn a_handle_that_names_no_key_of_the_algorithm_is_refused() {
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        for handle in ["", "0", "0g", "+1", "é", "no handle"] {
            let error = store.key(Algorithm::Es256, handle).unwrap_err();
            assert!(matches!(error, SigningError::Token(Pkcs11Error::NoHandle { .. })), "{handle}: {error}");
        }
        let handle = store.generate(Algorithm::Es256).unwrap().1;
        for (algorithm, handle) in [(Algorithm::Es256, "00ff"), (Algorithm::Rs256, &handle)] {
            let error = store.key(algorithm, handle).unwrap_err();
            assert!(matches!(error, SigningError::Token(Pkcs11Error::KeyGone { .. })), "{error}");
        }
        for algorithm in [Algorithm::Ps256, Algorithm::Es384, Algorithm::EdDsa] {
            for error in [store.generate(algorithm).unwrap_err(), store.key(algorithm, &handle).unwrap_err()] {
                assert!(error.to_string().contains("expected ES256 or RS256"), "{error}");
            }
        }
    });
}

#[test]
fn a_destroyed_key_signs_no_more() {
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        let [handle, other] = [(); 2].map(|()| store.generate(Algorithm::Es256).unwrap().1);
        let key = store.key(Algorithm::Es256, &handle).unwrap();
        store.destroy(&handle).unwrap();
        let errors = [
            key.sign(b"message", &mut Vec::new()).unwrap_err(),
            store.key(Algorithm::Es256, &handle).unwrap_err(),
            store.destroy(&handle).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, SigningError::Token(Pkcs11Error::KeyGone { .. })), "{error}");
        }
        assert!(session(settings).find_objects(&[Attribute::Id(from_hex(&handle).unwrap())]).unwrap().is_empty());
        store.key(Algorithm::Es256, &other).unwrap();
    });
}

#[test]
fn a_token_that_forgot_its_sessions_signs_again() {
    with_token(|settings| {
        let store = Pkcs11Store::open(settings).unwrap();
        let handle = store.generate(Algorithm::Es256).unwrap().1;
        let key = store.key(Algorithm::Es256, &handle).unwrap();
        let half = half(settings, Algorithm::Es256, &handle);
        let signs = || {
            let mut signature = Vec::new();
            key.sign(b"message", &mut signature).unwrap();
            assert!(half.verifies(b"message", &signature));
        };
        for _ in 0..3 {
            restart(settings);
            signs();
            session(settings).logout().unwrap();
            signs();
        }
        restart(settings);
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(signs))));
    });
}

#[test]
fn a_key_that_others_made_is_taken_only_if_it_is_kept_as_ours_are() {
    // R43
    with_token(|settings| {
        let (store, session) = (Pkcs11Store::open(settings).unwrap(), session(settings));
        let make = |id: &[u8], bits: u64, rules: &[Attribute]| {
            let public = [objects::public_rules(id), vec![Attribute::ModulusBits(bits.into())]].concat();
            session.generate_key_pair(&objects::generation(Algorithm::Rs256).unwrap(), &public, rules).unwrap()
        };
        let kept = objects::private_rules(&[1]);
        let open: Vec<Attribute> = kept
            .iter()
            .map(|rule| match rule {
                Attribute::Extractable(_) => Attribute::Extractable(true),
                other => other.clone(),
            })
            .collect();
        make(&[1], 2048, &open);
        make(&[2], 1024, &objects::private_rules(&[2]));
        let (public, _) = make(&[3], 2048, &objects::private_rules(&[3]));
        make(&[4], 2048, &objects::private_rules(&[4]));
        store.key(Algorithm::Rs256, "03").unwrap();
        session.destroy_object(public).unwrap();
        let (another, private) = make(&[5], 2048, &objects::private_rules(&[5]));
        session.destroy_object(private).unwrap();
        session.update_attributes(another, &[Attribute::Id(vec![3])]).unwrap();
        make(&[4], 2048, &objects::private_rules(&[4]));
        for (handle, expected) in [
            ("01", "lets this private key out"),
            ("02", "an RSA key of 1024 bits"),
            ("03", "does not verify"),
            ("04", "holds 2 private keys"),
        ] {
            let error = store.key(Algorithm::Rs256, handle).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    });
}

/// The public half, read past the store.
fn half(settings: &Pkcs11Settings, algorithm: Algorithm, handle: &str) -> PublicHalf {
    PublicHalf::find(&session(settings), algorithm, &from_hex(handle).unwrap()).unwrap()
}

fn session(settings: &Pkcs11Settings) -> Session {
    let module: Pkcs11 = module::load(&settings.module).unwrap();
    let (slot, _) = module::find_token(&module, &settings.module, LABEL).unwrap();
    let session = module.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&settings.pin)).ok(); // a store has
    session
}

/// All sessions and all names of objects are gone, as when an HSM was restarted.
fn restart(settings: &Pkcs11Settings) {
    module::load(&settings.module).unwrap().finalize().unwrap();
}

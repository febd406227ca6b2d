//! R42: no bytes make the verifier panic, recurse without bound, or think for long.

use std::time::{Duration, Instant};

use careconnect_verifier::{KeySet, Presented};

use crate::issuer::{Issuer, encode};

fn is_refused_at_once(token: &[u8]) {
    let started = Instant::now();
    assert!(Issuer::new("k1").verifier().build().unwrap().verify_offline(Presented::new(token)).is_err());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_megabyte_of_anything() {
    for byte in [0, b'.', b'A', b'{', 0xff] {
        is_refused_at_once(&vec![byte; 1_000_000]);
    }
    is_refused_at_once(&vec![b'.'; 100_000]);
}

#[test]
fn deep_and_wide_json_in_header_and_payload() {
    let members: Vec<_> = (0..100_000).map(|n| format!("\"{n}\":{n}")).collect();
    let texts = ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("{{{}}}", members.join(","))];
    for text in texts {
        for kept in [text.len(), 12_000, 2_000] {
            let part = encode(&text.as_bytes()[..kept]);
            is_refused_at_once(format!("{part}.e30.AA").as_bytes());
            is_refused_at_once(
                Issuer::new("k1").sign_text(r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#, &text[..kept]).as_bytes(),
            );
        }
        let started = Instant::now();
        let _ = KeySet::parse(text.as_bytes());
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn every_prefix_and_every_flipped_byte_of_a_good_token() {
    let issuer = Issuer::new("k1");
    let verifier = issuer.verifier().build().unwrap();
    let token = issuer.token().into_bytes();
    for at in 0..token.len() {
        assert!(verifier.verify_offline(Presented::new(&token[..at])).is_err());
        let mut flipped = token.clone();
        flipped[at] ^= 0x80;
        assert!(verifier.verify_offline(Presented::new(&flipped)).is_err());
        flipped[at] ^= 0x81;
        assert!(verifier.verify_offline(Presented::new(&flipped)).is_err());
    }
}

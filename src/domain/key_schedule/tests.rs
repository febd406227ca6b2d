use super::*;
use crate::domain::{KeptIn, PrivateHalf, PublicJwk, signing_key::SealedText};

const ES256: Algorithm = Algorithm::Es256;
const SCHEDULE: KeySchedule =
    KeySchedule { rotate_every: Some(1000), publish_ahead: 100, cache_time: 30, keep_after: 200 };

fn key(number: u8, published_at: i64, activates_at: i64) -> SigningKeyRecord {
    let jwk = PublicJwk::ec("P-256", &[number; 32], &[number; 32]);
    SigningKeyRecord {
        kid: format!("k{number}").into(),
        algorithm: ES256,
        jwk,
        published_at: UnixTime(published_at),
        activates_at: UnixTime(activates_at),
        retired_at: None,
        gone_at: None,
        withdrawn_at: None,
        private_half: PrivateHalf::Row(SealedText("v1".to_owned())),
        proof: SealedText::default(),
    }
}

/// Carries out what is due as an operation would.
fn carry_out(keys: &mut Vec<SigningKeyRecord>, steps: Vec<KeyStep>, now: UnixTime) {
    for step in steps {
        let made = u8::try_from(keys.len()).unwrap();
        fn of<'a>(keys: &'a mut [SigningKeyRecord], kid: &str) -> &'a mut SigningKeyRecord {
            keys.iter_mut().find(|key| *key.kid == *kid).unwrap()
        }
        match step {
            KeyStep::Publish { activates_at, .. } => keys.push(key(made, now.0, activates_at.0)),
            KeyStep::Reschedule { kid, activates_at } => of(keys, &kid).activates_at = activates_at,
            KeyStep::Retire { kid, at } => of(keys, &kid).retired_at = Some(at),
            KeyStep::Withdraw { kid } => of(keys, &kid).withdrawn_at = Some(now),
            KeyStep::Forget { kid } => of(keys, &kid).gone_at = Some(now),
            KeyStep::Destroy { kid } => of(keys, &kid).private_half = PrivateHalf::Nowhere,
        }
    }
}

fn states(keys: &[SigningKeyRecord], now: i64) -> Vec<KeyState> {
    keys.iter().map(|key| SCHEDULE.state(key, keys, UnixTime(now))).collect()
}

// R44
#[test]
fn every_key_is_published_before_it_signs_and_until_its_last_token_has_ended() {
    for pause in [1, 7, 60, 450] {
        let (mut keys, mut signed) = (Vec::new(), Vec::<(String, i64)>::new());
        for now in (0..6000).step_by(pause) {
            let at = UnixTime(now);
            let steps = SCHEDULE.due(&keys, &[ES256], at);
            carry_out(&mut keys, steps, at);
            let is_active = |key: &&SigningKeyRecord| SCHEDULE.state(key, &keys, at) == KeyState::Active;
            let active: Vec<_> = keys.iter().filter(is_active).collect();
            assert_eq!(active.len(), 1, "at {now}");
            assert!(
                active[0].kid.as_ref() == "k0" || now >= active[0].published_at.0 + SCHEDULE.cache_time,
                "at {now}"
            );
            signed.push((active[0].kid.to_string(), now));
            let published = SCHEDULE.published(&keys, at);
            let alive =
                signed.iter().filter(|(_, when)| now - when < SCHEDULE.keep_after - i64::try_from(pause).unwrap());
            for (kid, when) in alive {
                assert!(published.iter().any(|key| *key.kid == **kid), "{kid} signed at {when}, it is {now}");
            }
        }
        assert!(keys.len() >= 5, "{} keys with {pause}", keys.len());
        assert!(keys[0].gone_at.is_some() && keys[0].private_half.kept_in() == KeptIn::Nowhere);
    }
}

#[test]
fn a_key_is_next_then_active_then_retiring_then_gone() {
    use KeyState::{Active, Gone, Next, Retiring};
    let keys = [key(0, 0, 0), key(1, 900, 1000)];
    for (now, expected) in [
        (0, [Active, Next]),
        (999, [Active, Next]),
        (1000, [Retiring, Active]),
        (1199, [Retiring, Active]),
        (1200, [Gone, Active]),
    ] {
        assert_eq!(states(&keys, now), expected, "at {now}");
    }
    assert_eq!(SCHEDULE.changes_at(&keys, UnixTime(1100)), Some(UnixTime(1200)));
    assert_eq!(SCHEDULE.changed_at(&keys, UnixTime(1100)), Some(UnixTime(900)));
    assert_eq!(SCHEDULE.changed_at(&keys, UnixTime(1300)), Some(UnixTime(1200)));
}

#[test]
fn what_has_happened_to_a_key_is_not_undone_by_a_clock_that_goes_back() {
    use KeyState::{Active, Gone};
    let mut keys = vec![key(0, 0, 0), key(1, 900, 1000)];
    for now in [1000, 1200, 1200] {
        let steps = SCHEDULE.overdue(&keys, UnixTime(now));
        assert_eq!(steps.len(), 1);
        carry_out(&mut keys, steps, UnixTime(now));
    }
    assert_eq!(states(&keys, 10), [Gone, Active]);
    assert_eq!(keys[0].private_half, PrivateHalf::Nowhere);
    assert!(SCHEDULE.overdue(&keys, UnixTime(10)).is_empty());
}

#[test]
fn when_the_active_key_is_withdrawn_the_next_one_signs_at_once_and_none_comes_back() {
    use KeyState::{Active, Retiring, Withdrawn};
    let mut keys = vec![key(0, 0, 0), key(1, 900, 1000), key(2, 1900, 2000)];
    keys[0].retired_at = Some(UnixTime(1000));
    keys[1].withdrawn_at = Some(UnixTime(1100));
    assert_eq!(states(&keys, 1100), [Retiring, Withdrawn, Active]);
}

#[test]
fn a_key_set_is_never_empty_while_there_is_a_key() {
    let keys = [key(0, 500, 500)];
    assert_eq!(SCHEDULE.published(&keys, UnixTime(0)).len(), 1, "as of a node whose clock is behind");
}

#[test]
fn a_rotation_by_hand_waits_until_everybody_can_know_the_key() {
    let keys = [key(0, 0, 0)];
    let at = UnixTime(50);
    assert_eq!(SCHEDULE.rotation(&keys, ES256, at), KeyStep::Publish { algorithm: ES256, activates_at: UnixTime(80) });
    let keys = [key(0, 0, 0), key(1, 40, 1000)];
    let expected = KeyStep::Reschedule { kid: "k1".into(), activates_at: UnixTime(70) };
    assert_eq!(SCHEDULE.rotation(&keys, ES256, at), expected);
    let expected = KeyStep::Reschedule { kid: "k1".into(), activates_at: UnixTime(90) };
    assert_eq!(SCHEDULE.rotation(&keys, ES256, UnixTime(90)), expected);
}

#[test]
fn a_schedule_that_was_missed_is_made_up_for_without_haste() {
    let keys = [key(0, 0, 0)];
    let steps = SCHEDULE.due(&keys, &[ES256], UnixTime(5000));
    assert_eq!(steps, [KeyStep::Publish { algorithm: ES256, activates_at: UnixTime(5030) }]);
    let by_hand = KeySchedule { rotate_every: None, ..SCHEDULE };
    assert!(by_hand.due(&keys, &[ES256], UnixTime(5000)).is_empty());
}

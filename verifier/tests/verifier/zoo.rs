//! The issuer for tests of providers: its good tokens get in, its bad ones do not, each for the reason that it says.
//! R23, R24, R29 to R39.

use std::collections::BTreeSet;

use careconnect_verifier::{CertificateThumbprint, Group, KNOWN_GROUPS, Presented, TestIssuer, TokenVerifier};

use crate::issuer::{AUDIENCE, NOW};

/// Every reason that a token can give by itself.
const REASONS: [&str; 16] = [
    "bad_header",
    "bad_signature",
    "cnf_mismatch",
    "crit",
    "expired",
    "iat_future",
    "invalid_claim",
    "malformed",
    "missing_claim",
    "not_yet_valid",
    "too_large",
    "unknown_kid",
    "unsupported_alg",
    "wrong_audience",
    "wrong_issuer",
    "wrong_typ",
];

async fn refuses_the_whole_zoo(issuer: &TestIssuer, verifier: &TokenVerifier) {
    let zoo = issuer.bad_tokens(AUDIENCE);
    for bad in &zoo {
        for verdict in [verifier.verify_offline(bad.presented()), verifier.verify(bad.presented()).await] {
            let refusal = verdict.expect_err(bad.name);
            assert_eq!((refusal.reason(), refusal.status()), (bad.reason, bad.status), "{}: {refusal}", bad.name);
        }
    }
    let (names, reasons): (BTreeSet<_>, BTreeSet<_>) = zoo.iter().map(|bad| (bad.name, bad.reason)).unzip();
    assert_eq!(names.len(), zoo.len(), "each has its name");
    assert!(reasons.iter().eq(&REASONS), "{reasons:?}");
}

#[tokio::test]
async fn every_bad_token_is_refused_for_its_reason() {
    let issuer = TestIssuer::new();
    refuses_the_whole_zoo(&issuer, &issuer.verifier(AUDIENCE)).await;
    let lenient = issuer.verifier_builder(AUDIENCE).leeway(60).build().unwrap();
    refuses_the_whole_zoo(&issuer, &lenient).await;
    let forgetful = issuer.verifier_builder(AUDIENCE).cache(0).build().unwrap();
    refuses_the_whole_zoo(&issuer, &forgetful).await;
}

#[tokio::test]
async fn the_zoo_lives_at_a_fixed_time_too() {
    let issuer = TestIssuer::new().named("https://auth.example.nhs.uk").clock(|| NOW);
    let verifier = issuer.verifier(AUDIENCE);
    refuses_the_whole_zoo(&issuer, &verifier).await;
    let verified = verifier.verify(&issuer.token_for(AUDIENCE).sign()).await.unwrap();
    assert_eq!((verified.expires_at(), verified.claims().iat), (NOW + 300, NOW));
    assert_eq!(verified.claims().iss, "https://auth.example.nhs.uk");
}

#[test]
fn a_good_token_says_what_it_was_made_to_say() {
    let (issuer, certificate) = (TestIssuer::new(), CertificateThumbprint::of_der(b"holder"));
    let verifier = issuer.verifier(AUDIENCE);
    let plain = verifier.verify_offline(&issuer.token_for(AUDIENCE).sign()).unwrap();
    assert!(KNOWN_GROUPS.iter().all(|known| plain.require(&known.group).is_ok()));
    let token = issuer
        .token_for(AUDIENCE)
        .asid("000000000001")
        .ods_code("A20047")
        .organisation_type("gp-practice")
        .groups([Group::READ_SLOT])
        .bound_to(certificate)
        .sign();
    let verified = verifier.verify_offline(Presented::new(&token).with_certificate(certificate)).unwrap();
    assert_eq!((verified.asid().as_str(), verified.ods_code().as_str()), ("000000000001", "A20047"));
    assert_eq!(verified.organisation_type().as_str(), "gp-practice");
    assert_eq!(verified.groups(), [Group::READ_SLOT]);
    let claims = verified.claims();
    assert_eq!(claims.sub, verified.asid().uri());
    assert_eq!(claims.requesting_organization.as_deref(), Some(verified.ods_code().uri().as_str()));
    assert_eq!(claims.scope.as_deref(), Some("organization/slot.read"));
    assert_ne!(claims.jti, plain.token_id(), "no two are the same");
}

#[test]
fn a_good_token_without_the_group_opens_nothing() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier(AUDIENCE);
    for group in KNOWN_GROUPS.iter().map(|known| &known.group) {
        for insufficient in issuer.tokens_without(group, AUDIENCE) {
            let caller = verifier.verify_offline(insufficient.presented()).expect(insufficient.name);
            let refusal = caller.require(group).expect_err(insufficient.name); // R37
            assert_eq!((refusal.reason(), refusal.status()), (insufficient.reason, insufficient.status));
        }
    }
}

#[test]
fn nobody_trusts_the_issuer_of_another_test() {
    let (one, other) = (TestIssuer::new(), TestIssuer::new());
    let refusal = one.verifier(AUDIENCE).verify_offline(&other.token_for(AUDIENCE).sign()).unwrap_err();
    assert_eq!(refusal.reason(), "unknown_kid");
}

#[cfg(feature = "tower")]
#[tokio::test]
async fn a_guarded_provider_answers_each_as_the_zoo_says() {
    let issuer = TestIssuer::new();
    let guard = careconnect_verifier::ProviderGuard::new(issuer.verifier(AUDIENCE)).build().unwrap();
    let zoo = issuer.bad_tokens(AUDIENCE).into_iter().chain(issuer.tokens_without(&Group::READ_SLOT, AUDIENCE));
    for bad in zoo {
        let request = http::Request::get("/Slot").header("authorization", format!("Bearer {}", bad.token));
        let (mut request, ()) = request.body(()).unwrap().into_parts();
        bad.certificate.map(|certificate| request.extensions.insert(certificate));
        let rejection = guard.check(&request).await.expect_err(bad.name).rejection;
        assert_eq!((rejection.reason(), rejection.status()), (bad.reason, bad.status), "{}", bad.name);
    }
}

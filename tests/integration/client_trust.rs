//! Which certificate chains are trusted, and why the others are not.

use std::time::{Duration, Instant};

use careconnect_auth::{
    authentication::{
        chain_refusal::ChainRefusal,
        client_trust::{ClientTrust, PemFile},
        peer::PeerCertificate,
    },
    clock::UnixTime,
};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SerialNumber};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::support::authority::{Authority, Identity, NOW, valid};

const DAY: i64 = 86_400;
const WEAK: &str = include_str!("rsa_1024.pem");

fn trust(root: &Authority) -> ClientTrust {
    trust_with(root, &[])
}

fn trust_with(root: &Authority, lists: &[String]) -> ClientTrust {
    let pem = root.pem();
    let anchors = [PemFile { name: "roots", content: pem.as_bytes() }];
    let lists: Vec<_> = lists.iter().map(|list| PemFile { name: "lists", content: list.as_bytes() }).collect();
    ClientTrust::from_pem(&anchors, &lists).unwrap()
}

fn reason(trust: &ClientTrust, identity: &Identity) -> &'static str {
    trust.judge(&identity.chain, NOW).map_or_else(|refusal| refusal.reason(), |_| "trusted")
}

#[test]
fn a_client_of_the_authority_is_trusted_directly_and_through_intermediates() {
    let root = Authority::new("Root");
    let issuing = root.intermediate("Policy").intermediate("Issuing");
    assert_eq!(reason(&trust(&root), &root.client("a.trust.nhs.uk")), "trusted");
    assert_eq!(reason(&trust(&root), &issuing.client("a.trust.nhs.uk")), "trusted");
}

#[test]
fn each_untrustworthy_chain_is_refused_for_its_own_reason() {
    // R27
    let root = Authority::new("Root");
    let dated = |from, until| root.issue("a.nhs.uk", |params| valid(params, NOW.plus(from), NOW.plus(until)));
    let server_only = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let authority = |params: &mut rcgen::CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let lifted = root.client("a.nhs.uk");
    let cases = [
        ("expired", dated(-DAY, -1)),
        ("not_yet_valid", dated(1, DAY)),
        ("wrong_usage", root.issue("a.nhs.uk", server_only)),
        ("authority_as_client", root.issue("a.nhs.uk", authority)),
        ("bad_signature", Authority::new("Root").client("a.nhs.uk")),
        ("unknown_issuer", Authority::new("Other").client("a.nhs.uk")),
        ("unknown_issuer", Identity::self_signed("a.nhs.uk", |_| {})),
        ("not_an_authority", Authority::pretending(lifted).client("b.nhs.uk")),
        (
            "not_an_authority",
            root.intermediate_with("I", |ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign]).client("a"),
        ),
        ("expired", root.intermediate_with("Old", |ca| valid(ca, UnixTime(0), NOW.plus(-1))).client("a.nhs.uk")),
    ];
    let trust = trust(&root);
    for (expected, identity) in cases {
        assert_eq!(reason(&trust, &identity), expected);
    }
}

#[test]
fn the_dates_are_inclusive_to_the_second() {
    let root = Authority::new("Root");
    let identity = root.issue("a.nhs.uk", |params| valid(params, NOW, NOW));
    assert_eq!(reason(&trust(&root), &identity), "trusted");
    let late = trust(&root).judge(&identity.chain, NOW.plus(1)).unwrap_err();
    assert_eq!(late, ChainRefusal::Expired { not_after: NOW, now: NOW.plus(1) });
}

#[test]
fn an_authority_is_held_to_its_own_dates_rights_and_limits() {
    let refused = |root: Authority| reason(&trust(&root), &root.intermediate("I").client("a.nhs.uk"));
    assert_eq!(refused(Authority::with("Root", |ca| valid(ca, UnixTime(0), NOW.plus(-1)))), "expired");
    assert_eq!(
        refused(Authority::with("Root", |ca| ca.key_usages = vec![KeyUsagePurpose::CrlSign])),
        "not_an_authority"
    );
    let no_intermediates = |ca: &mut rcgen::CertificateParams| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    assert_eq!(refused(Authority::with("Root", no_intermediates)), "too_deep");
    let root = Authority::new("Root");
    let identity = root.intermediate("A").intermediate("B").client("a.nhs.uk");
    let limited = |limit| trust(&root).with_max_intermediates(Some(limit));
    assert_eq!(reason(&limited(1), &identity), "too_deep");
    assert_eq!(reason(&limited(2), &identity), "trusted");
}

#[test]
fn a_key_that_can_be_broken_is_refused_whoever_signed_it() {
    let chain = [CertificateDer::from_pem_slice(WEAK.as_bytes()).unwrap()];
    let refusal = trust(&Authority::new("Root")).judge(&chain, NOW).unwrap_err();
    assert_eq!(refusal, ChainRefusal::WeakKey { received: "RSA of 1024 bits".to_owned() });
    assert_eq!(PeerCertificate::parse(chain.to_vec()).unwrap_err().reason(), "weak_key");
}

#[test]
fn with_revocation_lists_every_issuer_needs_one_that_is_up_to_date() {
    let root = Authority::new("Root");
    let numbered =
        |number: u64| root.issue("a.nhs.uk", |params| params.serial_number = Some(SerialNumber::from(number)));
    let current = trust_with(&root, &[root.revocation_list(&[7], 2040)]);
    assert_eq!(reason(&current, &numbered(8)), "trusted");
    assert_eq!(reason(&current, &numbered(7)), "revoked");
    assert_eq!(reason(&current, &root.intermediate("I").client("a.nhs.uk")), "revocation_unknown");
    assert_eq!(reason(&trust_with(&root, &[root.revocation_list(&[], 2022)]), &numbered(8)), "revocation_list_expired");
    let forged = Authority::new("Root").revocation_list(&[], 2040);
    assert_eq!(reason(&trust_with(&root, &[forged]), &numbered(8)), "bad_signature");
}

#[test]
fn a_hostile_chain_is_answered_and_not_searched() {
    // R54
    let root = Authority::new("Root");
    let same_name: Vec<_> = (0..300).map(|_| Authority::new("I").der()).collect();
    let many = root.client("a.nhs.uk").stuffed_with(same_name.clone());
    let few = Authority::new("I").client("a.nhs.uk").stuffed_with(same_name.into_iter().take(16));
    let ring = (0..5).flat_map(|number| (0..3).map(move |_| number)).map(|number| {
        Authority::new(&format!("A{number}"))
            .intermediate(&format!("A{}", (number + 1) % 5))
            .client("x")
            .chain
            .remove(1)
    });
    let maze = Authority::new("A0").client("a.nhs.uk").stuffed_with(ring);
    let (trust, start) = (trust(&root), Instant::now());
    assert_eq!(reason(&trust, &many), "too_many_certificates");
    assert_eq!(reason(&trust, &few), "too_many_certificates");
    assert_eq!(reason(&trust, &maze), "too_deep");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn garbage_is_refused_and_garbage_beside_a_good_chain_leads_nowhere() {
    let root = Authority::new("Root");
    let trust = trust(&root);
    for bytes in [vec![], vec![0x30], vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff], vec![0; 100_000]] {
        let garbage = CertificateDer::from(bytes);
        assert_eq!(trust.judge(std::slice::from_ref(&garbage), NOW).unwrap_err().reason(), "malformed");
        assert_eq!(reason(&trust, &root.client("a.nhs.uk").stuffed_with([garbage])), "trusted");
    }
    assert_eq!(trust.judge(&[], NOW).unwrap_err().reason(), "malformed");
}

#[test]
fn a_file_that_is_no_trust_is_named_with_what_is_wrong() {
    for (content, expected) in [
        ("", "ca.pem: expected at least one certificate in PEM, received none"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "ca.pem: entry 1 is no authority's certificate",
        ),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "ca.pem: it is not PEM"),
    ] {
        let error = ClientTrust::from_pem(&[PemFile { name: "ca.pem", content: content.as_bytes() }], &[]).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

//! Several authorities side by side: none speaks for another, and a registration says whose word counts.

use careconnect_auth::{
    authentication::{
        authority::{Authority as Trusted, AuthorityLabel},
        client_certificate::{CertificateRefusal, prove},
        client_trust::{ClientTrust, PemFile},
        peer::PeerCertificate,
    },
    config::InDoubt,
    domain::{CertificateIdentity, CredentialId, KeyThumbprint, RegisteredCertificate},
    random,
};
use rcgen::{SanType, SerialNumber};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::support::authority::{Authority, Identity, NOW};

const HOST: &str = "a.nhs.uk";

fn trusted(name: &str, environment: &str, anchor: &Authority, intermediates: &[&Authority]) -> Trusted {
    let label = AuthorityLabel { name: name.to_owned(), environment: environment.parse().unwrap() };
    let file = |content| PemFile { name: "file", content };
    let pem: Vec<_> = intermediates.iter().map(|one| one.pem()).collect();
    let intermediates: Vec<_> = pem.iter().map(|pem| file(pem.as_bytes())).collect();
    Trusted::new(label, &[file(anchor.pem().as_bytes())], &intermediates).unwrap()
}

fn with_list(mut authority: Trusted, list: &str) -> Trusted {
    authority.add_source("list".to_owned(), false);
    authority.take_lists("list", list.as_bytes()).unwrap();
    authority
}

fn trust(authorities: Vec<Trusted>) -> ClientTrust {
    ClientTrust::new(authorities, std::sync::Arc::new(|_, _| false)).unwrap()
}

fn verdict(trust: &ClientTrust, identity: &Identity) -> String {
    let verdict = trust.judge(&identity.chain, NOW);
    verdict.map_or_else(|why| why.reason().to_owned(), |path| path.authority.name.clone())
}

fn by_dns(environment: &str, issuer: Option<KeyThumbprint>) -> RegisteredCertificate {
    let identity = CertificateIdentity::parse("san_dns", HOST).unwrap();
    RegisteredCertificate { identity, environment: Some(environment.parse().unwrap()), issuer }
}

fn proves(identity: &Identity, held: &RegisteredCertificate, trust: &ClientTrust) -> Result<(), CertificateRefusal> {
    let certificate = PeerCertificate::parse(identity.chain.clone()).unwrap();
    prove(&certificate, [(CredentialId(random::uuid()), held)].into_iter(), trust, NOW).map(drop)
}

fn key_of(certificate: &[u8]) -> KeyThumbprint {
    KeyThumbprint::of_spki(X509Certificate::from_der(certificate).unwrap().1.public_key().raw)
}

#[test]
fn a_test_certificate_never_proves_a_live_consumer_nor_the_reverse() {
    // R27
    let (live, test) = (Authority::new("NHS Root"), Authority::new("NHS PTL Root"));
    let trust = trust(vec![trusted("nhs", "live", &live, &[]), trusted("ptl", "test", &test, &[])]);
    for (authority, own, other) in [(&live, "live", "test"), (&test, "test", "live")] {
        let identity = authority.client(HOST);
        assert_eq!(proves(&identity, &by_dns(own, None), &trust), Ok(()));
        let refusal = proves(&identity, &by_dns(other, None), &trust).unwrap_err().check();
        assert_eq!(refusal.check, "certificate_other_environment");
        assert!(refusal.expected.ends_with(other) && refusal.received.ends_with(own), "{refusal:?}");
    }
}

#[test]
fn no_path_leads_from_one_authority_through_the_intermediates_or_lists_of_another() {
    // R27
    let (one, two) = (Authority::new("One"), Authority::new("Two"));
    let issuing = one.intermediate("Issuing");
    let mut forgetful = issuing.client(HOST);
    forgetful.chain.truncate(1);
    let lists_of_two = with_list(trusted("two", "live", &two, &[]), &two.revocation_list(&[], 2040));
    let misplaced = trust(vec![trusted("one", "live", &one, &[]), trusted("two", "live", &two, &[&issuing])]);
    assert_eq!(verdict(&misplaced, &forgetful), "unknown_issuer");
    let own = trust(vec![lists_of_two, trusted("one", "live", &one, &[&issuing])]);
    assert_eq!(verdict(&own, &forgetful), "one", "one has no lists, and two's say nothing of it");
    assert_eq!(verdict(&own, &two.client(HOST)), "two");
}

#[test]
fn an_intermediate_that_is_configured_is_not_an_authority() {
    // R27
    let (root, stranger) = (Authority::new("Root"), Authority::new("Stranger"));
    let trust = trust(vec![trusted("one", "live", &root, &[&stranger])]);
    assert_eq!(verdict(&trust, &stranger.client(HOST)), "unknown_issuer");
}

#[test]
fn a_key_that_is_pinned_must_be_in_the_path_whatever_the_names_say() {
    // R27
    let (root, namesake) = (Authority::new("Root"), Authority::new("Root"));
    let (issuing, other) = (root.intermediate("Issuing"), root.intermediate("Issuing"));
    let trust = trust(vec![trusted("root", "live", &root, &[]), trusted("namesake", "live", &namesake, &[])]);
    let identity = issuing.client(HOST);
    for pin in [&issuing, &root] {
        assert_eq!(proves(&identity, &by_dns("live", Some(key_of(&pin.der()))), &trust), Ok(()));
    }
    for (what, identity) in
        [("another intermediate of the name", other.client(HOST)), ("another root of the name", namesake.client(HOST))]
    {
        let refusal = proves(&identity, &by_dns("live", Some(key_of(&issuing.der()))), &trust).unwrap_err();
        assert_eq!(refusal.check().check, "certificate_other_issuer", "{what}");
    }
    let own = Identity::self_signed(HOST, |_| {});
    let key = CertificateIdentity::PublicKey(key_of(&own.chain[0]));
    let held = RegisteredCertificate { identity: key, environment: None, issuer: None };
    assert_eq!(proves(&own, &held, &trust), Ok(()));
    let pinned = RegisteredCertificate { issuer: Some(key_of(&root.der())), ..held };
    assert_eq!(proves(&own, &pinned, &trust).unwrap_err().check().check, "certificate_other_issuer");
}

#[test]
fn a_renewed_certificate_proves_the_same_consumer_by_its_name_uri_or_key() {
    // R25, R26
    const URI: &str = "spiffe://trust.nhs.uk/booking";
    let root = Authority::new("Root");
    let trust = trust(vec![trusted("root", "live", &root, &[])]);
    let with_uri = |params: &mut rcgen::CertificateParams| {
        params.subject_alt_names = vec![SanType::URI(URI.try_into().unwrap())];
    };
    let held = |kind: &str, value: &str| RegisteredCertificate::from(CertificateIdentity::parse(kind, value).unwrap());
    let identity = root.issue(HOST, with_uri);
    assert_eq!(proves(&identity, &held("san_uri", URI), &trust), Ok(()));
    assert_eq!(proves(&identity, &held("public_key", &key_of(&identity.chain[0]).to_string()), &trust), Ok(()));
    for other in ["spiffe://trust.nhs.uk/Booking", "spiffe://trust.nhs.uk/booking/", "spiffe://trust.nhs.uk"] {
        assert!(proves(&identity, &held("san_uri", other), &trust).is_err(), "{other}");
    }
    let own = Identity::self_signed(HOST, with_uri);
    assert!(proves(&own, &held("san_uri", URI), &trust).is_err(), "nobody vouches for it");
}

#[test]
fn what_one_authority_has_revoked_no_other_entry_lets_in() {
    // R27
    let root = Authority::new("Root");
    let issuing = root.intermediate("Issuing");
    let identity = issuing.issue(HOST, |params| params.serial_number = Some(SerialNumber::from(7_u64)));
    let lax = || trusted("lax", "live", &root, &[]).in_doubt(InDoubt::Accept, InDoubt::Accept);
    let strict = || with_list(trusted("strict", "live", &issuing, &[]), &issuing.revocation_list(&[7], 2040));
    assert_eq!(verdict(&trust(vec![lax()]), &identity), "lax");
    assert_eq!(verdict(&trust(vec![lax(), strict()]), &identity), "revoked");
    assert_eq!(verdict(&trust(vec![strict(), lax()]), &identity), "revoked");
}

#[test]
fn of_several_refusals_the_one_that_knows_most_is_told() {
    let (root, other, namesake) = (Authority::new("Root"), Authority::new("Other"), Authority::new("Root"));
    let server_only = root.server();
    for authorities in [[&root, &other, &namesake], [&namesake, &other, &root]] {
        let authorities = authorities.map(|one| trusted("one", "live", one, &[]));
        assert_eq!(verdict(&trust(authorities.into()), &server_only), "wrong_usage");
    }
}

#[test]
fn a_key_stands_for_one_environment() {
    let root = Authority::new("Root");
    let both = vec![trusted("nhs", "live", &root, &[]), trusted("ptl", "test", &root, &[])];
    let error = ClientTrust::new(both, std::sync::Arc::new(|_, _| false)).unwrap_err().to_string();
    assert!(error.contains("CN=Root stands in the environments live and test"), "{error}");
}

#[test]
fn over_the_network_the_list_of_another_authority_does_not_take_the_place_of_the_first() {
    // R27
    let (one, two) = (Authority::new("One"), Authority::new("Two"));
    let mut authority = trusted("both", "live", &one, &[&two]);
    authority.add_source("http://crl".to_owned(), true);
    let (first, second) = (one.revocation_list(&[7], 2040), two.revocation_list(&[], 2040));
    assert!(authority.take_lists("http://crl", first.as_bytes()).unwrap());
    assert!(!authority.take_lists("http://crl", first.as_bytes()).unwrap(), "nothing new");
    let refusal = authority.take_lists("http://crl", second.as_bytes()).unwrap_err().to_string();
    assert!(refusal.contains("expected a list of CN=One"), "{refusal}");
    assert!(authority.take_lists("http://crl", format!("{first}{second}").as_bytes()).unwrap());
}

#[test]
fn what_any_list_has_revoked_nobody_lets_in_however_old_the_list_and_long_the_chain() {
    // R27
    let root = Authority::new("Root");
    let intermediate = root.intermediate("Issuing CA");
    let numbered =
        |serial: u64| intermediate.issue(HOST, |params| params.serial_number = Some(SerialNumber::from(serial)));
    let listed = |next_update| {
        let listed = trusted("listed", "live", &root, &[&intermediate]);
        with_list(listed, &intermediate.revocation_list(&[7], next_update))
    };
    for next_update in [2040, 2026] {
        let trust = trust(vec![listed(next_update), trusted("lenient", "live", &intermediate, &[])]);
        let namesakes = (0..2).map(|_| Authority::new("Issuing CA").der());
        assert_eq!(verdict(&trust, &numbered(7).stuffed_with(namesakes)), "revoked", "{next_update}");
        assert_eq!(verdict(&trust, &numbered(8)), "lenient");
    }
}

#[test]
fn the_holder_of_a_certified_key_cannot_vouch_for_itself() {
    // R27
    let root = Authority::new("Root");
    let (trust, certified) = (trust(vec![trusted("nhs", "live", &root, &[])]), root.client(HOST));
    let own = certified.signing_itself("anything.else.nhs.uk");
    let identity = CertificateIdentity::PublicKey(key_of(&certified.chain[0]));
    let vouched_for = RegisteredCertificate::from(identity.clone());
    assert_eq!(proves(&certified, &vouched_for, &trust), Ok(()));
    assert_eq!(proves(&own, &vouched_for, &trust).unwrap_err().check().check, "certificate_unknown_issuer");
    let alone = RegisteredCertificate { environment: None, ..RegisteredCertificate::from(identity) };
    assert_eq!(proves(&own, &alone, &trust), Ok(()));
    assert_eq!(proves(&certified, &alone, &trust).unwrap_err().check().check, "certificate_other_environment");
}

//! What a handshake makes of a client's certificate, and what the certificate then proves.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use careconnect_auth::{
    authentication::{
        Authenticator,
        client_certificate::{self, CertificateRefusal},
        client_secret::SecretVerifier,
        client_trust::{ClientTrust, PemFile},
        failure_budget::FailureBudgets,
        key_sets::KeySets,
        peer::{PeerCertificate, PeerConnection},
    },
    clock::{ManualClock, UnixTime},
    config::{self, Issuer},
    crypto::tls_provider,
    domain::{
        CertificateIdentity, CertificateThumbprint, ConsumerSystem, Credential, CredentialId, CredentialKind,
        PresentedCredential, RegisteredCertificate, RegistrationStatus,
    },
    server::Limits,
};
use rcgen::{BasicConstraints, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, string::PrintableString};
use rustls::{
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

use tokio::io::AsyncWriteExt;

use crate::support::{
    authority::{Authority, Identity, NOW, valid},
    listener::Listener,
    log::Log,
    test_server::consumer,
    tls_client::{config_of, connect, exchange, read_to_end},
};

fn parsed(identity: &Identity) -> PeerCertificate {
    PeerCertificate::parse(identity.chain.clone()).unwrap()
}

fn trust(root: &Authority) -> ClientTrust {
    ClientTrust::from_pem(&[PemFile { name: "root", content: root.pem().as_bytes() }], &[]).unwrap()
}

fn san(name: &str) -> CertificateIdentity {
    CertificateIdentity::SanDns(name.parse().unwrap())
}

fn thumbprint(identity: &Identity) -> CertificateIdentity {
    CertificateIdentity::Thumbprint(CertificateThumbprint::of_der(&identity.chain[0]))
}

#[tokio::test]
async fn a_trusted_certificates_identities_reach_the_handler() {
    let root = Authority::new("Clients");
    let listener = Listener::start(&root).await;
    let identity = root.intermediate("Issuing").client("BaRS.trust.nhs.uk");
    let answer = listener.get("/whoami", Some(&identity)).await.unwrap();
    let expected = "san_dns bars.trust.nhs.uk\nsubject_dn CN=BaRS.trust.nhs.uk\nthumbprint ";
    assert!(answer.contains(expected), "{answer}");
}

#[tokio::test]
async fn no_certificate_is_fine() {
    let listener = Listener::start(&Authority::new("Clients")).await;
    assert!(listener.get("/whoami", None).await.unwrap().ends_with("nobody"));
}

#[tokio::test]
async fn a_bad_certificate_fails_the_handshake_and_is_logged_with_its_reason() {
    // R27
    let (log, root) = (Log::capture(), Authority::new("Clients"));
    let listener = Listener::start(&root).await;
    let server_only = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let bad = [
        ("expired", root.issue("a.nhs.uk", |params| valid(params, UnixTime(0), NOW.plus(-1)))),
        ("not_yet_valid", root.issue("a.nhs.uk", |params| valid(params, NOW.plus(1), NOW.plus(9)))),
        ("wrong_usage", root.issue("a.nhs.uk", server_only)),
        ("bad_signature", Authority::new("Clients").client("a.nhs.uk")),
        ("unknown_issuer", Authority::new("Other").client("a.nhs.uk")),
        ("unknown_issuer", Identity::self_signed("a.nhs.uk", |_| {})),
        ("not_an_authority", Authority::pretending(root.client("a.nhs.uk")).client("b.nhs.uk")),
    ];
    for (_, identity) in &bad {
        assert!(listener.get("/whoami", Some(identity)).await.is_err());
    }
    assert_eq!(log.refusals(), bad.map(|(reason, _)| reason));
    assert!(listener.get("/whoami", None).await.is_ok());
}

#[tokio::test]
async fn a_name_in_a_refused_certificate_forges_no_log_line() {
    // R55
    let (log, root) = (Log::capture(), Authority::new("Clients"));
    let listener = Listener::start(&root).await;
    let forger = Authority::new("x\r\n{\"fields\":{\"event\":\"handshake_refused\",\"reason\":\"forged\"}}\u{1b}[31m");
    assert!(listener.get("/whoami", Some(&forger.client("a.nhs.uk"))).await.is_err());
    assert_eq!(log.refusals(), ["unknown_issuer"]);
    assert!(!log.text().contains('\u{1b}'), "{}", log.text());
}

#[tokio::test]
async fn a_refused_client_gets_its_alert_even_when_it_goes_on_sending() {
    let root = Authority::new("Clients");
    let listener = Listener::start(&root).await;
    let stranger = Authority::new("Others").client("a.nhs.uk");
    let config = config_of(&listener.root, Some(&stranger), &[&TLS13]);
    let mut stream = connect(listener.address, config).await.unwrap(); // the server has not judged yet
    for _ in 0..3 {
        stream.write_all(b"GET /whoami HTTP/1.1\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await; // a reset would arrive by now
    }
    let error = read_to_end(&mut stream).await.unwrap_err().to_string();
    assert!(error.contains("alert"), "{error}");
}

#[tokio::test]
async fn a_certificate_without_its_key_proves_nothing() {
    let (log, root) = (Log::capture(), Authority::new("Clients"));
    let listener = Listener::start(&root).await;
    let (victim, mallory) = (root.client("victim.nhs.uk"), root.client("mallory.nhs.uk"));
    let key = tls_provider().key_provider.load_private_key(mallory.key_der()).unwrap();
    let stolen = Arc::new(SingleCertAndKey::from(CertifiedKey::new(victim.chain, key)));
    for version in [&TLS12, &TLS13] {
        let mut config = config_of(&listener.root, None, &[version]);
        config.client_auth_cert_resolver = stolen.clone();
        let answer = exchange(listener.address, config, b"GET /whoami HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert!(answer.is_err(), "{answer:?}");
    }
    assert_eq!(log.refusals(), ["no_proof_of_possession"; 2]);
}

#[tokio::test]
async fn a_self_signed_certificate_may_call_itself_an_authority_as_openssl_makes_them() {
    let own = Identity::self_signed("a", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let listener = Listener::with(&Authority::new("Clients"), &[&own], Limits::default()).await;
    assert!(listener.get("/whoami", Some(&own)).await.unwrap().contains("thumbprint"));
}

#[tokio::test]
async fn a_self_signed_certificate_comes_in_only_when_it_is_registered_and_within_its_dates() {
    let (registered, stranger) = (Identity::self_signed("a", |_| {}), Identity::self_signed("a", |_| {}));
    let old = Identity::self_signed("a", |params| valid(params, UnixTime(0), NOW.plus(-1)));
    let log = Log::capture();
    let listener = Listener::with(&Authority::new("Clients"), &[&registered, &old], Limits::default()).await;
    assert!(listener.get("/whoami", Some(&registered)).await.unwrap().contains("thumbprint"));
    assert!(listener.get("/whoami", Some(&stranger)).await.is_err());
    assert!(listener.get("/whoami", Some(&old)).await.is_err());
    assert_eq!(log.refusals(), ["unknown_issuer", "expired"]);
}

#[tokio::test]
async fn only_the_end_entity_certificate_names_the_client() {
    // R25
    let root = Authority::new("Clients");
    let victim = root.client("victim.nhs.uk");
    let listener = Listener::start(&root).await;
    let stuffed = root.client("mallory.nhs.uk").stuffed_with(victim.chain.clone());
    let answer = listener.get("/whoami", Some(&stuffed)).await.unwrap();
    assert!(answer.contains("mallory.nhs.uk") && !answer.contains("victim"), "{answer}");
    let proof = prove(&parsed(&stuffed), &[san("victim.nhs.uk")], &trust(&root), NOW);
    assert!(matches!(proof, Err(CertificateRefusal::NotRegistered { .. })));
}

#[test]
fn a_wildcard_an_embedded_nul_and_a_lookalike_prove_nothing() {
    // R26
    let root = Authority::new("Clients");
    let trust = trust(&root);
    let wildcard = parsed(&root.client("*.trust.nhs.uk"));
    assert!(!wildcard.identities().iter().any(|one| one.kind() == "san_dns"));
    let nul = root.issue("a.nhs.uk", |params| {
        params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String("good.nhs.uk\0.evil".to_owned()));
    });
    assert!(!parsed(&nul).identities().iter().any(|one| one.kind() == "subject_dn"));
    let certificate = parsed(&root.client("good.nhs.uk.evil.org"));
    for other in ["good.nhs.uk", "evil.org", "nhs.uk.evil.org"] {
        assert!(prove(&certificate, &[san(other)], &trust, NOW).is_err(), "{other}");
    }
}

#[test]
fn a_subject_is_compared_as_a_whole_whatever_its_string_type() {
    // R26
    let root = Authority::new("Clients");
    let identity = root.issue("a.nhs.uk", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CountryName, DnValue::PrintableString(PrintableString::try_from("GB").unwrap()));
        params.distinguished_name.push(DnType::OrganizationName, "NHS, CN=other.nhs.uk");
        params.distinguished_name.push(DnType::CommonName, "a.nhs.uk");
    });
    let (certificate, trust) = (parsed(&identity), trust(&root));
    let subject = |text: &str| [CertificateIdentity::SubjectDn(text.parse().unwrap())];
    let exact = subject(r"CN=a.nhs.uk,O=NHS\, CN=other.nhs.uk,C=GB");
    assert_eq!(prove(&certificate, &exact, &trust, NOW), Ok(exact[0].clone()));
    for other in ["CN=a.nhs.uk", "CN=other.nhs.uk,C=GB", "C=GB,O=NHS\\, CN=other.nhs.uk,CN=a.nhs.uk"] {
        assert!(prove(&certificate, &subject(other), &trust, NOW).is_err(), "{other}");
    }
}

#[test]
fn a_name_needs_a_trusted_path_and_a_self_signed_thumbprint_only_its_dates() {
    let (root, other) = (Authority::new("Clients"), trust(&Authority::new("Other")));
    let (issued, own) = (root.client("a.nhs.uk"), Identity::self_signed("a.nhs.uk", |_| {}));
    let by = |identity: &Identity, what: CertificateIdentity, trust: &ClientTrust, now| {
        prove(&parsed(identity), &[what], trust, now).map(drop)
    };
    assert_eq!(by(&issued, san("a.nhs.uk"), &trust(&root), NOW), Ok(()));
    assert_eq!(by(&issued, thumbprint(&issued), &trust(&root), NOW), Ok(()));
    assert_eq!(by(&own, thumbprint(&own), &other, NOW), Ok(()));
    assert!(by(&own, san("a.nhs.uk"), &other, NOW).is_err());
    assert!(by(&issued, san("a.nhs.uk"), &other, NOW).is_err());
    assert!(by(&issued, thumbprint(&issued), &other, NOW).is_err());
    assert!(by(&own, thumbprint(&own), &other, UnixTime(4_000_000_000)).is_err());
}

#[tokio::test]
async fn a_certificate_proves_its_consumer_only_while_its_credential_lasts() {
    // R9
    let root = Authority::new("Clients");
    let certificate = Some(Arc::new(parsed(&root.client("a.nhs.uk"))));
    let peer = PeerConnection { address: ([127, 0, 0, 1], 1).into(), certificate };
    let kind = CredentialKind::from(san("a.nhs.uk"));
    let consumer = Arc::new(consumer_with(kind, NOW, NOW.plus(60)));
    for (now, is_proven) in [(NOW.plus(-1), false), (NOW, true), (NOW.plus(59), true), (NOW.plus(60), false)] {
        let (authenticator, proof) = (authenticator(trust(&root)), PresentedCredential::Certificate);
        let outcome = authenticator.authenticate(Some("c"), &proof, Some(consumer.clone()), &peer, now).await;
        assert_eq!(outcome.is_ok(), is_proven, "{now}: {outcome:?}");
    }
}

/// The one of `identities`, registered as they are, that `certificate` proves.
fn prove(
    certificate: &PeerCertificate,
    identities: &[CertificateIdentity],
    trust: &ClientTrust,
    now: UnixTime,
) -> Result<CertificateIdentity, CertificateRefusal> {
    let id = CredentialId(careconnect_auth::random::uuid());
    let registered: Vec<RegisteredCertificate> = identities.iter().cloned().map(Into::into).collect();
    let proven = client_certificate::prove(certificate, registered.iter().map(|held| (id, held)), trust, now);
    proven.map(|(_, held)| held.identity.clone())
}

fn authenticator(trust: ClientTrust) -> Authenticator {
    let clock = Arc::new(ManualClock::at(NOW));
    Authenticator {
        secrets: SecretVerifier::new(1, 0, 1),
        trust: Arc::new(ArcSwap::from_pointee(trust)),
        key_sets: Arc::new(KeySets::open(&config::Assertions::default(), clock).unwrap()),
        budgets: FailureBudgets::of(&config::Limits::default()),
        issuer: Issuer::parse("https://auth.nhs.uk").unwrap(),
    }
}

fn consumer_with(kind: CredentialKind, starts_at: UnixTime, ends_at: UnixTime) -> ConsumerSystem {
    let id = CredentialId(careconnect_auth::random::uuid());
    ConsumerSystem {
        client_id: careconnect_auth::random::client_id(),
        name: "Example 111".parse().unwrap(),
        asid: "200000000205".parse().unwrap(),
        organisation: consumer().organisation,
        supplier: "SUP1".parse().unwrap(),
        product: None,
        product_version: None,
        party_key: None,
        credentials: vec![Arc::new(Credential { id, label: "test".into(), kind, starts_at, ends_at: Some(ends_at) })],
        accepts_token_endpoint_audience: false,
        requests_per_minute: None,
        status: RegistrationStatus::Active,
        created_at: NOW,
    }
}

#[test]
fn a_verdict_is_kept_until_the_trust_changes_or_a_date_passes() {
    let root = Authority::new("Clients");
    let certificate = parsed(&root.issue("a.nhs.uk", |params| valid(params, NOW, NOW.plus(60))));
    let (before, after) = (trust(&root), trust(&Authority::new("Clients")));
    assert_ne!(before.generation(), after.generation());
    assert!(certificate.verdict(&before, NOW).is_ok());
    assert!(certificate.verdict(&before, NOW.plus(60)).is_ok());
    assert_eq!(certificate.verdict(&before, NOW.plus(61)).unwrap_err().reason(), "expired");
    assert_eq!(certificate.verdict(&after, NOW).unwrap_err().reason(), "bad_signature");
    assert!(certificate.verdict(&before, NOW).is_ok());
}

//! `doctor certificate`.

use careconnect_auth::{
    authentication::peer::PeerCertificate,
    clock::Clock,
    domain::{CertificateIdentity, CertificateThumbprint, CredentialKind, KeyThumbprint, RegisteredCertificate},
    operations::{
        block_certificate::block_certificate, cap_certificates::add_certificate_policy,
        register_consumer::ConsumerRegistration,
    },
};
use careconnect_verifier::Group;
use rcgen::SerialNumber;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{doctor, doctor_in_words, failed};
use crate::support::{
    authority::{Authority, Identity, NOW, valid},
    changes::act,
    test_server::{TestServer, consumer, consumer_with_certificate},
};

const HOST: &str = "appt-a1001.thirdparty.nhs.uk";

/// A server that trusts two authorities of one name, with a list of the first; and the client id of a consumer that is
/// registered as `kind`.
struct Scene {
    server: TestServer,
    authority: Authority,
    namesake: Authority,
    client_id: String,
}

impl Scene {
    async fn new(registered: impl FnOnce(&Authority) -> CredentialKind) -> Self {
        let (authority, namesake) = (Authority::new("NHS INT Sub CA"), Authority::new("NHS INT Sub CA"));
        let toml = "tls.client_authorities = [{ name = \"listed\", ca_files = [\"listed.pem\"], crls = [\"listed.crl\"] }, \
                    { name = \"namesake\", ca_files = [\"namesake.pem\"] }]\n";
        let files = [
            ("listed.pem", authority.pem()),
            ("listed.crl", authority.revocation_list(&[7], 2040)),
            ("namesake.pem", namesake.pem()),
        ];
        let server = TestServer::with_files(toml, &files).await;
        let credentials = vec![registered(&authority)];
        let registration = ConsumerRegistration { credentials, with_secret: false, ..consumer() };
        let client_id = server.register(registration).await.consumer.client_id.to_string();
        Self { server, authority, namesake, client_id }
    }

    async fn by_name() -> Self {
        Self::new(|_| CertificateIdentity::parse("san_dns", HOST).unwrap().into()).await
    }

    fn judged(&self, identity: &Identity) -> (i32, Value) {
        self.write(identity);
        doctor(&self.server, &["certificate", "client.pem", "--consumer", &self.client_id], "")
    }

    fn write(&self, identity: &Identity) {
        std::fs::write(self.server.directory.path().join("client.pem"), identity.pem()).unwrap();
    }

    fn numbered(&self, serial: u64) -> Identity {
        self.authority.issue(HOST, |params| params.serial_number = Some(SerialNumber::from(serial)))
    }
}

#[tokio::test]
async fn a_certificate_that_the_listener_would_refuse_fails_with_its_reason() {
    // R26, R27
    let scene = Scene::by_name().await;
    let stranger = Authority::new("Another CA");
    let same_name = Authority::new("NHS INT Sub CA");
    let expired = scene.authority.issue(HOST, |params| valid(params, NOW.plus(-99), NOW.plus(-1)));
    for (identity, check, received) in [
        (scene.numbered(7), "certificate_revoked", "revoked"),
        (stranger.client(HOST), "certificate_unknown_issuer", "Another CA"),
        (same_name.client(HOST), "certificate_bad_signature", "same name"),
        (expired, "certificate_expired", "2027-01-15T07:59:59Z"),
        (Identity::self_signed(HOST, |_| {}), "certificate_unknown_issuer", HOST),
    ] {
        let verdict = scene.judged(&identity);
        let sides = failed(&verdict);
        assert!(sides[0] == check && sides[2].contains(received), "{sides:?}");
        assert_eq!(verdict.1["checks"].as_array().unwrap().len(), 1, "{verdict:?}");
        assert_eq!(verdict.1["told"]["reason"], "client_authentication_failed");
        assert!(verdict.1["notes"].to_string().contains("handshake"), "{verdict:?}");
    }
    let good = scene.judged(&scene.numbered(8));
    assert_eq!((good.0, good.1["checks"].as_array().unwrap().len()), (0, 8), "{good:?}");
    let groups = good.1["groups"].as_array().unwrap().len();
    assert!(groups > 1 && good.1["policies"].is_null(), "{good:?}");
}

#[tokio::test]
async fn a_blocked_certificate_fails_before_anything_about_the_consumer() {
    // R27
    let scene = Scene::by_name().await;
    let identity = scene.numbered(8);
    let certificate = PeerCertificate::parse(identity.chain.clone()).unwrap();
    let (issuer, serial) = (certificate.issuer().to_owned(), certificate.serial_number().clone());
    let (database, now) = (scene.server.database.handle(), scene.server.clock.now());
    block_certificate(database, issuer, serial, "lost".to_owned(), act(now)).await.unwrap();
    let blocked = scene.judged(&identity);
    let [check, _, received] = failed(&blocked);
    assert!(check == "certificate_blocked" && received.contains("8 of CN=NHS INT Sub CA"), "{blocked:?}");
}

#[tokio::test]
async fn the_registration_says_which_certificate_of_whom() {
    // R25, R28
    let pinned = |authority: &Authority| {
        let der = authority.der();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let issuer = Some(KeyThumbprint::of_spki(certificate.public_key().raw));
        let identity = CertificateIdentity::parse("san_dns", HOST).unwrap();
        RegisteredCertificate { issuer, ..identity.into() }
    };
    let scene = Scene::new(|authority| CredentialKind::Certificate(pinned(authority))).await;
    assert_eq!(scene.judged(&scene.numbered(8)).0, 0);
    let of_namesake = scene.judged(&scene.namesake.client(HOST));
    let [check, expected, received] = failed(&of_namesake);
    assert!(check == "certificate_other_issuer" && expected != received, "{of_namesake:?}");
    let of_another = scene.judged(&scene.authority.client("another.nhs.uk"));
    assert_eq!(failed(&of_another)[0], "certificate_not_registered");
    let unknown = doctor(&scene.server, &["certificate", "client.pem", "--consumer", "nobody"], "");
    assert_eq!(failed(&unknown)[0], "consumer_unknown");

    let of_tests = RegisteredCertificate { environment: Some("test".parse().unwrap()), ..pinned(&Authority::new("X")) };
    let of_tests = Scene::new(|_| CredentialKind::Certificate(of_tests)).await;
    let live = of_tests.judged(&of_tests.numbered(8));
    let [check, expected, received] = failed(&live);
    assert!(check == "certificate_other_environment", "before the issuer: {live:?}");
    assert!(expected.contains("test") && received.contains("live"), "{live:?}");
}

#[tokio::test]
async fn a_self_signed_certificate_counts_where_its_thumbprint_is_registered() {
    // R28
    let scene = Scene::by_name().await;
    let identity = Identity::self_signed("own.nhs.uk", |_| {});
    let thumbprint = CertificateIdentity::Thumbprint(CertificateThumbprint::of_der(&identity.chain[0]));
    let registered = scene.server.register(consumer_with_certificate(thumbprint)).await;
    assert_eq!(failed(&scene.judged(&identity))[0], "certificate_not_registered", "of another consumer");
    let own = registered.consumer.client_id.to_string();
    let verdict = doctor(&scene.server, &["certificate", "client.pem", "--consumer", &own], "");
    assert_eq!((verdict.0, &verdict.1["credential"]), (0, &json!("thumbprint")), "{verdict:?}");
}

#[tokio::test]
async fn what_policies_leave_to_a_certificate_is_shown() {
    // R28
    let scene = Scene::by_name().await;
    let (database, now) = (scene.server.database.handle(), scene.server.clock.now());
    let cap = async |name: &str, groups: &[Group]| {
        let (name, prefix) = (name.parse().unwrap(), "appt-".parse().unwrap());
        let groups = groups.iter().cloned().collect();
        add_certificate_policy(database, name, prefix, None, groups, act(now)).await.unwrap();
    };
    cap("Appointments only", &[Group::READ_SLOT]).await;
    let capped = scene.judged(&scene.numbered(8));
    assert_eq!((capped.0, &capped.1["groups"]), (0, &json!([Group::READ_SLOT])), "{capped:?}");
    assert_eq!(capped.1["policies"], "\"Appointments only\"");
    let said = doctor_in_words(&scene.server, &["certificate", "client.pem", "--consumer", &scene.client_id], "");
    assert!(said.stdout.contains("may obtain  ") && said.stdout.contains("Appointments only"), "{said:?}");

    cap("Nothing", &[Group::CREATE_APPOINTMENT]).await;
    let nothing = scene.judged(&scene.numbered(8));
    assert_eq!(failed(&nothing)[0], "group_not_permitted");
    assert_eq!(nothing.1["told"]["error"], "invalid_scope");
}

//! Every way in which a certificate stops being trusted, or never was: on new, kept-alive and resumed connections.

use std::fs;

use careconnect_auth::domain::{BlockedCertificate, CertificateIdentity};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, SerialNumber};
use rustls::{
    ClientConfig, HandshakeKind,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::support::{
    authority::{Authority, Identity, NOW, valid},
    changes::Changes,
    log::Log,
    soon::{soon, until},
    test_server::{ROOT, TestServer, consumer_with_certificate},
    tls_client::{config_of, connect},
};

const HOST: &str = "consumer.thirdparty.nhs.uk";
const TOML: &str = "tls.reload_every_seconds = 1\ntls.client_authorities = [\n{ name = \"listed\", \
                    ca_files = [\"listed.pem\"], crls = [\"listed.crl\"] }]\n";

/// What becomes of a certificate with which a token was issued a moment ago.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Revoked,
    Expired,
    ListExpired,
    AuthorityReplaced,
    AuthorityReplacedByNamesake,
    Blocked,
}

struct Scene {
    server: TestServer,
    authority: Authority,
    identity: Identity,
    config: ClientConfig,
    log: Log,
}

impl Scene {
    /// A consumer that gets tokens; the session of its client can be resumed.
    async fn of(
        change: impl FnOnce(&mut CertificateParams),
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Self {
        let (log, authority) = (Log::capture(), Authority::new("Listed CA"));
        let files = [("listed.pem", authority.pem()), ("listed.crl", authority.revocation_list(&[], 2040))];
        let server = TestServer::with_files(TOML, &files).await;
        server.register_provider(|_| {}).await;
        server.clock.advance(-120); // registered before anything here begins to be valid
        server.register(consumer_with_certificate(CertificateIdentity::parse("san_dns", HOST).unwrap())).await;
        server.clock.advance(120);
        let identity = authority.issue(HOST, |params| {
            params.serial_number = Some(SerialNumber::from(7_u64));
            change(params);
        });
        let config = config_of(&server.server_authority, Some(&identity), &[version]);
        Self { server, authority, identity, config, log }
    }

    async fn connect(&self, config: &ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        soon("a connection", connect(self.server.running.address, config.clone())).await
    }

    /// The status of a token request on `stream`; an error where the handshake turns out to have failed.
    async fn ask(&self, stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
        let body = format!("grant_type=client_credentials&resource={ROOT}");
        let head = format!(
            "POST {}/oauth2/token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{body}",
            self.server.issuer_path(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        soon("an answer", read_answer(stream)).await
    }

    async fn meet(&self, fate: Fate) {
        let write = |name: &str, text: String| fs::write(self.server.directory.path().join(name), text).unwrap();
        let generation = || self.server.running.app.authenticator.trust.load().generation();
        let before = generation();
        match fate {
            Fate::Revoked => write("listed.crl", self.authority.numbered_list(2, &[7], 2040)),
            Fate::ListExpired => write("listed.crl", self.authority.numbered_list(2, &[], 2022)),
            Fate::AuthorityReplaced | Fate::AuthorityReplacedByNamesake => {
                let name = if fate == Fate::AuthorityReplaced { "Another CA" } else { "Listed CA" };
                let other = Authority::new(name);
                write("listed.crl", other.numbered_list(2, &[], 2040));
                write("listed.pem", other.pem());
            }
            Fate::Expired => self.server.clock.advance(61),
            Fate::Blocked => {
                let issuer = "CN=Listed CA".to_owned();
                let (serial, note) = ("07".parse().unwrap(), "key lost".to_owned());
                let blocked = BlockedCertificate { issuer, serial, note, blocked_at: NOW, unblocked_at: None };
                self.server.database.handle().put_blocked(&blocked).await.unwrap();
                return self.server.caught_up().await;
            }
        }
        if fate != Fate::Expired {
            until("a reload", async || generation() > before).await;
        }
    }

    /// Asks on a connection made now; gives how its handshake went, if it went well.
    async fn refused_on_connection(&self, config: &ClientConfig, reason: &str) -> Option<HandshakeKind> {
        let handshakes = self.log.refusals().len();
        let answer = match self.connect(config).await {
            Ok(mut stream) => self.ask(&mut stream).await.map(|status| (stream.get_ref().1.handshake_kind(), status)),
            Err(error) => Err(error),
        };
        match answer {
            Ok((kind, status)) => {
                assert_eq!(status, "401", "{reason}");
                let detail = self.log.details().pop().unwrap_or_default();
                assert!(detail.contains(&format!("({reason})")), "{reason}: {detail}");
                kind
            }
            Err(_) => {
                until("the log", async || self.log.refusals().len() > handshakes).await;
                assert_eq!(self.log.refusals().last().map(String::as_str), Some(reason));
                None
            }
        }
    }
}

/// The status of one answer.
async fn read_answer(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut octets = [0; 4096];
        let length = stream.read(&mut octets).await?;
        if length == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        text.push_str(&String::from_utf8_lossy(&octets[..length]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            return Ok(head.split(' ').nth(1).unwrap().to_owned());
        }
    }
}

#[tokio::test]
async fn a_certificate_that_loses_its_trust_gets_no_more_tokens_on_any_connection() {
    // R27
    let whole = Some(HandshakeKind::Full);
    for (fate, reason) in [
        (Fate::Revoked, "revoked"),
        (Fate::Expired, "expired"),
        (Fate::ListExpired, "revocation_list_expired"),
        (Fate::AuthorityReplaced, "unknown_issuer"),
        (Fate::AuthorityReplacedByNamesake, "bad_signature"),
        (Fate::Blocked, "blocked"),
    ] {
        for version in [&TLS12, &TLS13] {
            let scene = Scene::of(|params| valid(params, NOW.plus(-60), NOW.plus(60)), version).await;
            let mut kept = scene.connect(&scene.config).await.unwrap();
            assert_eq!(kept.get_ref().1.handshake_kind(), whole);
            assert_eq!(scene.ask(&mut kept).await.unwrap(), "200", "{fate:?}");

            scene.meet(fate).await;

            assert_eq!(scene.ask(&mut kept).await.unwrap(), "401", "{fate:?}");
            let detail = scene.log.details().pop().unwrap();
            assert!(detail.contains(&format!("({reason})")), "{fate:?}: {detail}");
            let resumed = scene.refused_on_connection(&scene.config, reason).await;
            let by_itself = matches!(fate, Fate::Expired | Fate::Blocked);
            // A reload has forgotten the session: then the handshake was a whole one, and failed.
            assert_eq!(resumed, by_itself.then_some(HandshakeKind::Resumed), "{fate:?}");
            let fresh = config_of(&scene.server.server_authority, Some(&scene.identity), &[version]);
            assert_eq!(scene.refused_on_connection(&fresh, reason).await, None, "{fate:?}: the handshake refuses");
        }
    }
}

#[tokio::test]
async fn a_certificate_that_never_was_trusted_leaves_no_session_to_resume() {
    // R27
    for reason in ["wrong_usage", "not_yet_valid"] {
        let change = |params: &mut CertificateParams| match reason {
            "wrong_usage" => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
            _ => valid(params, NOW.plus(60), NOW.plus(120)),
        };
        for version in [&TLS12, &TLS13] {
            let scene = Scene::of(change, version).await;
            for _ in 0..2 {
                assert_eq!(scene.refused_on_connection(&scene.config, reason).await, None);
            }
        }
    }
}

#[tokio::test]
async fn a_chain_stuffed_with_the_certificate_of_another_consumer_is_never_that_consumer() {
    // R25
    for version in [&TLS12, &TLS13] {
        let mut scene = Scene::of(|_| {}, version).await;
        let victim = scene.identity.chain.clone();
        let mallory = scene.authority.client("mallory.nhs.uk").stuffed_with(victim);
        scene.config = config_of(&scene.server.server_authority, Some(&mallory), &[version]);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut kept = scene.connect(&scene.config).await.unwrap();
            assert_eq!(kept.get_ref().1.handshake_kind(), Some(expected));
            for _ in 0..2 {
                assert_eq!(scene.ask(&mut kept).await.unwrap(), "401");
            }
        }
        let details = scene.log.details();
        assert!(details.iter().all(|detail| detail.contains("CN=mallory.nhs.uk")), "{details:?}");

        let crowd = (0..40).map(|_| Authority::new("Crowd").der());
        let crowded = scene.authority.client(HOST).stuffed_with(crowd);
        scene.config = config_of(&scene.server.server_authority, Some(&crowded), &[version]);
        assert_eq!(scene.refused_on_connection(&scene.config, "too_many_certificates").await, None);
    }
}

//! The production server on a free port, with a fresh database, its own keys and its own PKI.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use careconnect_auth::{
    clock::{Clock, ManualClock},
    config::Config,
    domain::{CertificateIdentity, ClaimsProfile, HonouredGroup, ProviderSystem, ServiceRoot},
    operations::{
        register_consumer::{ConsumerRegistration, RegisteredConsumer, register_consumer},
        register_provider::{ProviderRegistration, register_provider},
    },
    server::{RunningServer, Sockets},
};
use careconnect_verifier::{Algorithm, Group, KNOWN_GROUPS, KeySet, TokenVerifier, VerifiedToken};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{
    admin,
    authority::{Authority, Identity, NOW},
    changes::act,
    databases::TestDatabase,
    listener::write_identity,
    requests::{Answer, TokenCall, send},
    signing_keys,
    soon::until,
    tls_client,
};

/// The service root that providers of tests have unless they say otherwise.
pub(crate) const ROOT: &str = "https://provider.thirdparty.nhs.uk/A20047/STU3/1";

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) struct TestServer {
    pub(crate) running: RunningServer,
    pub(crate) database: TestDatabase,
    pub(crate) clock: Arc<ManualClock>,
    /// Of the server's certificate.
    pub(crate) server_authority: Authority,
    /// Of client certificates.
    pub(crate) client_authority: Authority,
    /// Of administrators' certificates.
    pub(crate) admin_authority: Authority,
    pub(crate) directory: TempDir,
}

impl TestServer {
    /// With the shipped configuration.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With further lines of configuration.
    pub(crate) async fn with(toml: &str) -> Self {
        Self::with_files(toml, &[]).await
    }

    /// With further lines of configuration, and the files that they name.
    pub(crate) async fn with_files(toml: &str, files: &[(&str, String)]) -> Self {
        careconnect_auth::crypto::install();
        let database = TestDatabase::fresh().await;
        let directory = tempfile::tempdir().unwrap();
        let [server_authority, client_authority, admin_authority] =
            ["Server CA", "Client CA", "Admin CA"].map(Authority::new);
        let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = public.local_addr().unwrap().port();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write_identity(directory.path(), &server_authority.server());
        write("client-ca.pem", &client_authority.pem());
        write("admin-ca.pem", &admin_authority.pem());
        write("database-url", database.url());
        signing_keys::put_into(&database, directory.path()).await;
        files.iter().for_each(|(name, text)| write(name, text));
        let config_file = directory.path().join("careconnect-auth.toml");
        let head = format!(
            "issuer = \"https://localhost:{port}/careconnect\"\nlisten = \"127.0.0.1:{port}\"\n\
             tls.certificate_file = \"server.pem\"\ntls.key_file = \"server.key\"\n\
             tls.client_ca_files = [\"client-ca.pem\"]\nlimits.announce_stop_seconds = 0\ndatabase.url_file = \"database-url\"\nmetrics.listen = \"\"\n\
             {}",
            admin::config(admin.local_addr().unwrap())
        );
        std::fs::write(&config_file, format!("{head}{toml}")).unwrap();
        let config = Config::load(Some(&config_file)).unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let sockets = Sockets { public, admin: Some(admin), metrics: None };
        let running = RunningServer::start(&config, clock.clone(), sockets).await.unwrap();
        Self { running, database, clock, server_authority, client_authority, admin_authority, directory }
    }

    /// A second server of the same issuer, on the same database, with a register of its own in memory.
    pub(crate) async fn another_node(&self) -> RunningServer {
        let public = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (own, file) = (self.running.address, self.directory.path().join("careconnect-auth.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        let text =
            text.replace(&format!("listen = \"{own}\""), &format!("listen = \"{}\"", public.local_addr().unwrap()));
        let file = file.with_file_name("another-node.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file)).unwrap();
        RunningServer::start(&config, self.clock.clone(), Sockets { public, admin: None, metrics: None }).await.unwrap()
    }

    pub(crate) fn issuer(&self) -> &str {
        self.running.app.issuer.as_str()
    }

    pub(crate) fn issuer_path(&self) -> &str {
        self.running.app.issuer.path()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.running.address.port())
    }

    /// A client that shows no certificate.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.client_at(HERE, None)
    }

    /// A client that shows `identity` in every handshake.
    pub(crate) fn client_with(&self, identity: &Identity) -> reqwest::Client {
        self.client_at(HERE, Some(identity))
    }

    /// A client with an address of its own, such as 127.0.0.2.
    pub(crate) fn client_at(&self, address: IpAddr, identity: Option<&Identity>) -> reqwest::Client {
        let mut tls = tls_client::config(&self.server_authority, identity);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        reqwest::Client::builder().tls_backend_preconfigured(tls).local_address(address).build().unwrap()
    }

    /// GET, held against openapi.yaml.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(reqwest::Method::GET, path, self.client().get(self.url(path))).await
    }

    /// A token request without proof.
    pub(crate) fn token(&self) -> TokenCall<'_> {
        TokenCall::new(self, self.client())
    }

    /// A token request for [`ROOT`] with the secret of `consumer`.
    pub(crate) fn token_by_secret(&self, consumer: &RegisteredConsumer) -> TokenCall<'_> {
        let secret = consumer.secret.as_ref().unwrap().expose();
        self.token().basic(consumer.consumer.client_id.as_str(), secret).field("resource", ROOT)
    }

    /// Registers in the database as another process would, and waits until the server has seen it.
    pub(crate) async fn register(&self, registration: ConsumerRegistration) -> RegisteredConsumer {
        let registered = register_consumer(self.database.handle(), registration, act(self.clock.now())).await.unwrap();
        self.caught_up().await;
        registered
    }

    pub(crate) async fn register_provider(&self, change: impl FnOnce(&mut ProviderRegistration)) -> ProviderSystem {
        let mut registration = provider(ROOT);
        change(&mut registration);
        let registered = register_provider(self.database.handle(), registration, act(self.clock.now())).await.unwrap();
        self.caught_up().await;
        registered
    }

    /// Waits until the server has seen all that is committed.
    pub(crate) async fn caught_up(&self) {
        let committed = self.database.handle().revision().await.unwrap();
        until("a committed change", async || self.running.app.registry.revision() >= committed).await;
    }

    /// Verifies as the provider at `root` would, with the keys that the server publishes now.
    pub(crate) async fn verify(&self, root: &str, token: &str) -> VerifiedToken {
        let keys = KeySet::parse(&self.get(&format!("{}/.well-known/jwks.json", self.issuer_path())).await.body);
        let now = self.clock.now().0;
        TokenVerifier::for_issuer(self.issuer())
            .audience(root)
            .keys(careconnect_verifier::FixedKeys::new(keys.unwrap()))
            .algorithms(&Algorithm::FOR_TOKENS)
            .clock(move || now)
            .build()
            .unwrap()
            .verify_offline(token)
            .unwrap()
    }
}

/// A consumer in all groups, with a secret.
pub(crate) fn consumer() -> ConsumerRegistration {
    ConsumerRegistration {
        client_id: None,
        name: "Example 111".parse().unwrap(),
        asid: "200000000205".parse().unwrap(),
        organisation: careconnect_auth::domain::Organisation {
            ods_code: "A1001".parse().unwrap(),
            organisation_type: "urgent-care".parse().unwrap(),
        },
        supplier: "SUP1".parse().unwrap(),
        product: None,
        product_version: None,
        party_key: None,
        groups: all_groups(),
        evidence: Some("a test".to_owned()),
        credentials: vec![],
        with_secret: true,
        accepts_token_endpoint_audience: false,
        requests_per_minute: None,
    }
}

/// A consumer in all groups that comes with `identity`.
pub(crate) fn consumer_with_certificate(identity: CertificateIdentity) -> ConsumerRegistration {
    ConsumerRegistration { credentials: vec![identity.into()], with_secret: false, ..consumer() }
}

/// A provider that honours all groups.
pub(crate) fn provider(root: &str) -> ProviderRegistration {
    ProviderRegistration {
        asid: "200000000359".parse().unwrap(),
        ods_code: "A20047".parse().unwrap(),
        name: "Example practice".parse().unwrap(),
        service_root: ServiceRoot::parse(root).unwrap(),
        signing_algorithm: Algorithm::Es256,
        token_lifetime: careconnect_auth::domain::TokenLifetime::DEFAULT,
        certificate_bound: false,
        claims_profile: ClaimsProfile::CareConnect,
        groups: honoured(all_groups()),
        certificates: Vec::new(),
    }
}

/// These groups, for everybody.
pub(crate) fn honoured(groups: impl IntoIterator<Item = Group>) -> BTreeMap<Group, HonouredGroup> {
    groups.into_iter().map(|group| (group, HonouredGroup::default())).collect()
}

pub(crate) fn all_groups() -> BTreeSet<Group> {
    KNOWN_GROUPS.iter().map(|known| known.group.clone()).collect()
}

//! The gateway in front of a provider that is written in something else, with tokens of the server.

mod command;
mod forward_auth;
mod nginx;
mod reverse_proxy;
mod tls;
mod vectors;

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Stdio,
};

use careconnect_auth::{
    config::GatewayConfig,
    domain::TokenLifetime,
    gateway::RunningGateway,
    operations::{register_consumer::ConsumerRegistration, register_provider::ProviderRegistration},
};
use careconnect_verifier::Group;
use tempfile::TempDir;

use crate::support::{
    foreign::{interop_file, python},
    process::Running,
    test_server::{ROOT, TestServer, consumer},
};

/// The path of the service root, with which requests arrive.
const BASE: &str = "/A20047/STU3/1";

/// A server, a Python provider that echoes, and a gateway's file for both.
struct Stage {
    server: TestServer,
    directory: TempDir,
    backend: String,
    _python: Running,
}

impl Stage {
    async fn set() -> Self {
        Self::with(|_| {}).await
    }

    /// With another registration of the provider.
    async fn with(change: impl FnOnce(&mut ProviderRegistration)) -> Self {
        let server = TestServer::start().await;
        server
            .register_provider(|provider| {
                provider.token_lifetime = TokenLifetime::from_seconds(3600).unwrap();
                change(provider);
            })
            .await;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("authority.pem"), server.server_authority.pem()).unwrap();
        let mut python = python().arg(interop_file("backend.py")).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(python.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { server, directory, backend: format!("http://127.0.0.1:{}", port.trim()), _python: Running(python) }
    }

    /// The gateway's file with these sections.
    fn file(&self, sections: &str) -> PathBuf {
        let (issuer, path) = (self.server.issuer(), self.directory.path().join("careconnect-gateway.toml"));
        let text = format!(
            "issuer = \"{issuer}\"\nservice_root = \"{ROOT}\"\nkeys.certificate_authority_file = \"authority.pem\"\n{sections}"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn gateway(&self, sections: &str) -> RunningGateway {
        let config = GatewayConfig::load(&self.file(sections)).unwrap();
        RunningGateway::start(&config, self.server.clock.clone()).await.unwrap()
    }

    /// A token of a consumer with these groups.
    async fn token(&self, groups: &[Group]) -> String {
        let registration = ConsumerRegistration { groups: groups.iter().cloned().collect(), ..consumer() };
        let registered = self.server.register(registration).await;
        self.server.token_by_secret(&registered).send().await.token()
    }
}

//! Whether the directory can be reached, and is the right one.

use std::fs;

use careconnect_auth::{
    config::{self, Seconds},
    directory::{Directory, DirectoryError},
};
use tokio::net::TcpListener;

use super::{CONSUMER, asid};
use crate::support::{
    authority::{Authority, Identity},
    slapd::{Slapd, SlapdTls, settings},
    soon::soon,
};

/// What comes of asking for a system that is there.
async fn ask(settings: &config::Directory) -> Result<(), DirectoryError> {
    let directory = Directory::open(settings)?;
    let found = soon("an answer, or none", directory.find_system(&asid(CONSUMER))).await?;
    assert_eq!(found.unwrap().asid.as_str(), CONSUMER);
    Ok(())
}

struct Scene {
    slapd: Slapd,
    settings: config::Directory,
    clients: Authority,
    files: tempfile::TempDir,
}

impl Scene {
    /// LDAPS with that certificate of the directory, which `settings` trust and want to show a client certificate.
    async fn new(own: impl FnOnce(&Authority) -> Identity) -> Self {
        let (servers, clients) = (Authority::new("Directories"), Authority::new("Clients"));
        let own = own(&servers);
        let slapd = Slapd::with_tls(&SlapdTls { own: &own, clients: &clients }).await;
        let files = tempfile::tempdir().unwrap();
        let mut settings = slapd.settings();
        settings.ca_files = vec![files.path().join("ca.pem")];
        fs::write(&settings.ca_files[0], servers.pem()).unwrap();
        let scene = Self { slapd, settings, clients, files };
        let client = scene.clients.client("auth.example.nhs.uk");
        scene.showing(&client)
    }

    fn showing(mut self, client: &Identity) -> Self {
        let path = |name: &str| self.files.path().join(name);
        fs::write(path("own.pem"), client.pem()).unwrap();
        fs::write(path("own.key"), client.key_pem()).unwrap();
        self.settings.certificate_file = Some(path("own.pem"));
        self.settings.key_file = Some(path("own.key"));
        self
    }
}

#[tokio::test]
async fn with_the_right_certificates_the_directory_answers() {
    let scene = Scene::new(Authority::server).await;
    ask(&scene.settings).await.unwrap();
}

#[tokio::test]
async fn without_a_client_certificate_the_directory_refuses() {
    let scene = Scene::new(Authority::server).await;
    let mut settings = scene.settings.clone();
    (settings.certificate_file, settings.key_file) = (None, None);
    let error = ask(&settings).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Refused(_)), "{error:?}");
    let stranger = Authority::new("Strangers").client("auth.example.nhs.uk");
    let scene = scene.showing(&stranger);
    let error = ask(&scene.settings).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Refused(_)), "{error:?}");
    // A renewed certificate counts at once.
    let directory = Directory::open(&scene.settings).unwrap();
    let client = scene.clients.client("auth.example.nhs.uk");
    let _same_files = scene.showing(&client);
    directory.check().await.unwrap();
}

#[tokio::test]
async fn a_directory_of_another_authority_is_not_believed() {
    let scene = Scene::new(Authority::server).await;
    fs::write(&scene.settings.ca_files[0], Authority::new("Directories").pem()).unwrap();
    let error = ask(&scene.settings).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Untrusted(_)), "{error:?}");
    // Nor is it one of the system's.
    let error = ask(&config::Directory { ca_files: Vec::new(), ..scene.settings.clone() }).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Untrusted(_)), "{error:?}");
}

#[tokio::test]
async fn a_directory_of_another_name_is_not_believed() {
    let scene = Scene::new(|servers| servers.issue("elsewhere.nhs.uk", |_| {})).await;
    let error = ask(&scene.settings).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Untrusted(_)), "{error:?}");
    let scene = Scene::new(Authority::server).await;
    let by_address = format!("ldaps://127.0.0.1:{}", scene.slapd.port);
    let settings = config::Directory { url: settings(&by_address).url, ..scene.settings.clone() };
    let error = ask(&settings).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Untrusted(_)), "{error:?}");
}

#[tokio::test]
async fn a_directory_that_stops_is_unreachable_until_it_is_back() {
    loop {
        let slapd = Slapd::start("").await;
        let settings = slapd.settings();
        ask(&settings).await.unwrap();
        let port = slapd.stop();
        let error = ask(&settings).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Unreachable(_)), "{error:?}");
        // Unless another test has the port now.
        if let Some(_slapd) = Slapd::start_at(port, "", None).await {
            return ask(&settings).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_directory_that_says_nothing_is_slow() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for scheme in ["ldap", "ldaps"] {
        let mut settings = settings(&format!("{scheme}://localhost:{port}"));
        settings.timeout_seconds = Seconds::of(1);
        let error = ask(&settings).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Slow { .. }), "{error:?}");
        assert!(error.to_string().contains("took longer than 1 s"), "{error}");
    }
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name);
    let (one, other) = (Authority::new("Any").client("a.nhs.uk"), Authority::new("Any").client("a.nhs.uk"));
    fs::write(path("certificate.pem"), one.pem()).unwrap();
    fs::write(path("certificate.key"), one.key_pem()).unwrap();
    fs::write(path("other.key"), other.key_pem()).unwrap();
    fs::write(path("empty.pem"), "").unwrap();
    let open = |ca: &[&str], certificate: &str, key: &str| {
        let mut settings = settings("ldaps://directory.nhs.uk");
        settings.ca_files = ca.iter().map(|name| path(name)).collect();
        (settings.certificate_file, settings.key_file) = (Some(path(certificate)), Some(path(key)));
        Directory::open(&settings).map(drop)
    };
    open(&["certificate.pem"], "certificate.pem", "certificate.key").unwrap();
    for (ca, certificate, key, named) in [
        (&["absent.pem"][..], "certificate.pem", "certificate.key", "directory.ca_files"),
        (&["empty.pem"], "certificate.pem", "certificate.key", "directory.ca_files"),
        (&[], "certificate.key", "certificate.key", "directory.certificate_file"),
        (&[], "certificate.pem", "certificate.pem", "directory.key_file"),
        (&[], "certificate.pem", "other.key", "directory.key_file"),
    ] {
        let error = open(ca, certificate, key).unwrap_err();
        assert!(matches!(error, DirectoryError::File { key, .. } if key == named), "{error:?}");
        assert!(!error.to_string().contains("PRIVATE"), "{error}");
    }
    let none = Directory::open(&config::Directory::default()).unwrap_err();
    assert!(matches!(none, DirectoryError::NotConfigured), "{none:?}");
}

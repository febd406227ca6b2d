//! OpenLDAP as Debian ships it, with the schema of the Spine Directory Service, on a free port of this machine.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Child,
};

use careconnect_auth::config::{self, DirectoryUrl, Seconds};
use tokio::net::TcpStream;

use super::{
    authority::{Authority, Identity},
    soon::until,
    watchdog::{unprivileged_directory, watched},
};

const SCHEMA: &str = include_str!("../sds/sds.schema");
/// A consumer, and a provider with one endpoint.
const SYSTEMS: &str = include_str!("../sds/systems.ldif");

/// Adds the entries, then serves them. What the shell ignores it would ignore, too: the order to stop.
const RUN: &str =
    "ulimit -c 0; mkdir data && \"$1\" -q -f slapd.conf -l entries.ldif || { echo slapd stopped; exit 1; }
    exec env --default-signal=QUIT \"$2\" -d none -f slapd.conf -h \"$3\"";

/// It runs until it is dropped.
pub(crate) struct Slapd {
    pub(crate) port: u16,
    has_tls: bool,
    watchdog: Child,
}

/// With which certificate it shows itself, and whose it wants to see: it serves nobody without.
pub(crate) struct SlapdTls<'a> {
    pub(crate) own: &'a Identity,
    pub(crate) clients: &'a Authority,
}

impl Slapd {
    /// Plain LDAP, with `more` entries than the usual ones.
    pub(crate) async fn start(more: &str) -> Self {
        Self::with(more, None).await
    }

    /// LDAPS.
    pub(crate) async fn with_tls(tls: &SlapdTls<'_>) -> Self {
        Self::with("", Some(tls)).await
    }

    async fn with(more: &str, tls: Option<&SlapdTls<'_>>) -> Self {
        loop {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(slapd) = Self::start_at(port, more, tls).await {
                return slapd;
            }
        }
    }

    /// None when somebody was quicker to take the port.
    pub(crate) async fn start_at(port: u16, more: &str, tls: Option<&SlapdTls<'_>>) -> Option<Self> {
        let (directory, before) = unprivileged_directory("careconnect-slapd-");
        configure(&directory, tls);
        fs::write(directory.join("entries.ldif"), format!("{SYSTEMS}\n{more}")).unwrap();
        let scheme = if tls.is_some() { "ldaps" } else { "ldap" };
        let in_directory = format!("cd {} && {RUN}", directory.display());
        let url = format!("{scheme}://127.0.0.1:{port}/");
        let command = ["sh", "-c", &in_directory, "slapd", &program("slapadd"), &program("slapd"), &url];
        let command = command.map(str::to_owned);
        let watchdog = watched(&directory, before.into_iter().chain(command));
        let log = || fs::read_to_string(directory.join("log")).unwrap_or_default();
        let is_taken = || log().contains("Address already in use");
        until("slapd listens", async || {
            assert!(is_taken() || !log().contains("slapd stopped"), "slapd does not start: {}", log());
            is_taken() || (directory.join("pid").exists() && TcpStream::connect(("127.0.0.1", port)).await.is_ok())
        })
        .await;
        (!is_taken()).then_some(Self { port, has_tls: tls.is_some(), watchdog })
    }

    /// Stops it, and gives the port that it had.
    pub(crate) fn stop(mut self) -> u16 {
        drop(self.watchdog.stdin.take());
        self.watchdog.wait().unwrap();
        self.port
    }

    /// As `localhost`, which its certificate names.
    pub(crate) fn url(&self) -> String {
        format!("{}://localhost:{}", if self.has_tls { "ldaps" } else { "ldap" }, self.port)
    }

    /// What finds it, without certificates.
    pub(crate) fn settings(&self) -> config::Directory {
        settings(&self.url())
    }
}

/// With limits that a busy machine keeps.
pub(crate) fn settings(url: &str) -> config::Directory {
    let url = Some(DirectoryUrl::parse(url).unwrap());
    config::Directory { url, timeout_seconds: Seconds::of(20), ..config::Directory::default() }
}

/// Debian keeps both out of the PATH of users.
fn program(name: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.exists());
    found.expect("this test needs OpenLDAP: install the Debian package `slapd`").display().to_string()
}

fn configure(directory: &Path, tls: Option<&SlapdTls<'_>>) {
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
    write("sds.schema", SCHEMA);
    let at = directory.display();
    let lines = tls.map_or_else(String::new, |tls| {
        write("own.pem", &tls.own.pem());
        write("own.key", &tls.own.key_pem());
        write("clients.pem", &tls.clients.pem());
        format!(
            "TLSCertificateFile {at}/own.pem\nTLSCertificateKeyFile {at}/own.key\n\
             TLSCACertificateFile {at}/clients.pem\nTLSVerifyClient demand\n"
        )
    });
    let text = format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\ninclude {at}/sds.schema\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {at}/pid\n{lines}\
         database mdb\nsuffix \"o=nhs\"\ndirectory {at}/data\n\
         index objectClass,nhsIDCode,nhsMHSPartyKey,nhsAsSvcIA,nhsMhsSvcIA,uniqueIdentifier eq\n"
    );
    write("slapd.conf", &text);
}

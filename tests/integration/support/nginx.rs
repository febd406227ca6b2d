//! nginx as Debian ships it, in front of a server, on a free port of this machine.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Child,
};

use tokio::net::TcpStream;

use super::{
    authority::Identity,
    soon::until,
    test_server::TestServer,
    watchdog::{unprivileged_directory, watched},
};

/// It runs until it is dropped.
pub(crate) struct Nginx {
    pub(crate) port: u16,
    _watchdog: Child,
}

impl Nginx {
    /// Starts it with `own` as its certificate towards the server, and `lines` in its location.
    pub(crate) async fn in_front_of(server: &TestServer, own: Option<&Identity>, lines: &str) -> Self {
        Self::with(|port, directory| in_front_of(server, own, lines, port, directory)).await
    }

    /// Starts it with the `server` block that `server` gives for the port, and a directory for its files.
    pub(crate) async fn with(server: impl Fn(u16, &Path) -> String) -> Self {
        loop {
            if let Some(nginx) = Self::start(&server).await {
                return nginx;
            }
        }
    }

    /// None when somebody was quicker to take the port.
    async fn start(server: impl Fn(u16, &Path) -> String) -> Option<Self> {
        let (directory, before) = unprivileged_directory("careconnect-nginx-");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let configuration = configure(&server(port, &directory), &directory);
        let file = |path: &Path| path.display().to_string();
        let command = [file(&program()), "-e".into(), "stderr".into(), "-c".into(), file(&configuration)];
        let nginx = Self { port, _watchdog: watched(&directory, before.into_iter().chain(command)) };
        let log = || fs::read_to_string(directory.join("log")).unwrap_or_default();
        let is_taken = || log().contains("Address already in use");
        until("nginx listens", async || {
            assert!(is_taken() || !log().contains("[emerg]"), "nginx does not start: {}", log());
            is_taken() || (directory.join("pid").exists() && TcpStream::connect(("127.0.0.1", port)).await.is_ok())
        })
        .await;
        (!is_taken()).then_some(nginx)
    }
}

/// Debian keeps it out of the PATH of users.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join("nginx")).find(|program| program.exists());
    found.expect("this test needs nginx: install the Debian package `nginx-light`")
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// With places of its own for every file.
fn configure(server: &str, directory: &Path) -> PathBuf {
    let at = directory.display();
    let text = format!(
        "daemon off; pid {at}/pid; error_log stderr warn; worker_processes 1;
         events {{ worker_connections 64; }}
         http {{
             access_log off;
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
             uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
             {server}
         }}"
    );
    PathBuf::from(write(directory, "nginx.conf", &text))
}

/// As `docs/proxies.md` has it.
fn in_front_of(server: &TestServer, own: Option<&Identity>, lines: &str, port: u16, directory: &Path) -> String {
    let write = |name: &str, text: &str| write(directory, name, text);
    let front = server.server_authority.server();
    let (certificate, key) = (write("front.pem", &front.pem()), write("front.key", &front.key_pem()));
    let root = write("root.pem", &server.server_authority.pem());
    let own = own.map_or_else(String::new, |own| {
        let (certificate, key) = (write("own.pem", &own.pem()), write("own.key", &own.key_pem()));
        format!("proxy_ssl_certificate {certificate}; proxy_ssl_certificate_key {key};")
    });
    let upstream = server.running.address;
    format!(
        "server {{
             listen 127.0.0.1:{port} ssl;
             ssl_certificate {certificate}; ssl_certificate_key {key};
             ssl_verify_client optional_no_ca;
             location / {{
                 proxy_pass https://{upstream};
                 proxy_http_version 1.1;
                 proxy_ssl_verify on; proxy_ssl_trusted_certificate {root};
                 proxy_ssl_name localhost; proxy_ssl_server_name on;
                 {own}
                 {lines}
             }}
         }}"
    )
}

//! `serve` as a process of its own, and the directory that it runs in.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        atomic::{AtomicU16, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use super::{
    admin::{self, Admin},
    authority::{Authority, Identity},
    command::{command, run},
    databases::TestDatabase,
    listener::write_identity,
    soon::{SOON, until},
    tls_client,
};

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A `serve` process that ends with the test.
pub(crate) struct Serve {
    child: Child,
    log: Option<BufReader<ChildStderr>>,
    /// Ends the watch over it.
    _watched: Sender<()>,
}

/// A server that does not do what its test waits for is ended, and the test with it.
fn kill_unless(ended: Receiver<()>, patience: Duration, process: u32) -> impl FnOnce() {
    move || {
        if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            Command::new("kill").args(["-KILL", &process.to_string()]).status().ok();
        }
    }
}

impl Serve {
    /// As soon as its process has begun.
    pub(crate) fn spawn(directory: &Path) -> Self {
        Self::spawn_for(directory, 3 * SOON)
    }

    /// With the binary of another release.
    pub(crate) fn start_release(binary: &Path, directory: &Path) -> Self {
        let mut command = Command::new(binary);
        command.current_dir(directory).arg("serve").env_remove("CARECONNECT_AUTH_CONFIG");
        let mut serve = Self::of(command, 3 * SOON);
        serve.read_until("serving");
        serve
    }

    /// With more in its environment.
    pub(crate) fn start_with(directory: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = command(directory, &["serve"]);
        command.envs(environment.iter().copied());
        let mut serve = Self::of(command, 3 * SOON);
        serve.read_until("serving");
        serve
    }

    fn spawn_for(directory: &Path, patience: Duration) -> Self {
        Self::of(command(directory, &["serve"]), patience)
    }

    fn of(mut command: Command, patience: Duration) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = child.stderr.take().map(BufReader::new);
        let (watched, ended) = channel();
        std::thread::spawn(kill_unless(ended, patience, child.id()));
        Self { child, log, _watched: watched }
    }

    /// When it serves.
    pub(crate) fn start(directory: &Path) -> Self {
        let mut serve = Self::spawn(directory);
        serve.read_until("serving");
        serve
    }

    /// The same for a test that lasts so long besides.
    pub(crate) fn start_for(directory: &Path, longer: Duration) -> Self {
        let mut serve = Self::spawn_for(directory, longer + 4 * SOON);
        serve.read_until("serving");
        serve
    }

    /// The log up to the line that has `text`.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        let (mut read, log) = (String::new(), self.log.as_mut().unwrap());
        while !read.contains(text) {
            assert!(log.read_line(&mut read).unwrap() > 0, "the log ends without {text:?}: {read}");
        }
        read
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn stops_when_told(&mut self) {
        self.signal("TERM");
        self.read_until("stopped");
        self.ends_well();
    }

    pub(crate) fn ends_well(&mut self) {
        assert!(self.child.wait().unwrap().success());
    }

    /// The same while the test goes on with other things.
    pub(crate) async fn ends_well_soon(&mut self) {
        until("the end of the server", async || self.child.try_wait().unwrap().is_some()).await;
        self.ends_well();
    }

    /// Ends it with SIGKILL, whatever it is doing.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whoever read its log is gone.
    pub(crate) fn hang_up(&mut self) {
        self.log = None;
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A configuration in a directory, with its database and the authorities that it names.
pub(crate) struct Scene {
    directory: tempfile::TempDir,
    pub(crate) database: TestDatabase,
    /// Of the server's certificate.
    pub(crate) authority: Authority,
    /// Of consumers' certificates.
    pub(crate) client_authority: Authority,
    /// Of administrators' certificates.
    admin_authority: Authority,
    pub(crate) public: u16,
    pub(crate) metrics: u16,
    admin: u16,
}

impl Scene {
    /// With a database that lacks its schema.
    pub(crate) async fn set() -> Self {
        Self::on(TestDatabase::empty().await)
    }

    /// With this database.
    pub(crate) fn on(database: TestDatabase) -> Self {
        careconnect_auth::crypto::install();
        let directory = tempfile::tempdir().unwrap();
        let [authority, client_authority, admin_authority] = ["Server CA", "Client CA", "Admin CA"].map(Authority::new);
        let [public, metrics, admin] = free_ports();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write_identity(directory.path(), &authority.server());
        write("client-ca.pem", &client_authority.pem());
        write("admin-ca.pem", &admin_authority.pem());
        write("database-url", database.url());
        let config = format!(
            "issuer = \"https://localhost:{public}/careconnect\"\nlisten = \"127.0.0.1:{public}\"\n\
             tls.certificate_file = \"server.pem\"\ntls.key_file = \"server.key\"\n\
             tls.client_ca_files = [\"client-ca.pem\"]\nlimits.announce_stop_seconds = 0\n\
             database.url_file = \"database-url\"\nmetrics.listen = \"127.0.0.1:{metrics}\"\n{}",
            admin::config(([127, 0, 0, 1], admin).into())
        );
        write("careconnect-auth.toml", &config);
        Self { directory, database, authority, client_authority, admin_authority, public, metrics, admin }
    }

    pub(crate) async fn migrated() -> Self {
        let scene = Self::set().await;
        run(scene.path(), &["migrate"]).success();
        scene
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration of another node: the same issuer, keys and database, and a record of its own. Gives its directory,
    /// and the port of its public listener.
    pub(crate) fn another_node(&self) -> (PathBuf, u16) {
        let directory = self.path().join("another-node");
        std::fs::create_dir(&directory).unwrap();
        for file in ["server.pem", "server.key", "client-ca.pem", "admin-ca.pem", "database-url"] {
            std::fs::copy(self.path().join(file), directory.join(file)).unwrap();
        }
        let mut config = std::fs::read_to_string(self.path().join("careconnect-auth.toml")).unwrap();
        let [public, metrics, admin] = free_ports();
        for (old, new) in [(self.public, public), (self.metrics, metrics), (self.admin, admin)] {
            config = config.replace(&format!("\"127.0.0.1:{old}\""), &format!("\"127.0.0.1:{new}\""));
        }
        let (keys, sealing_key) = (self.path().join("keys"), self.path().join("sealing-key"));
        config = format!("keys.directory = {keys:?}\nkeys.sealing_key_file = {sealing_key:?}\n{config}");
        std::fs::write(directory.join("careconnect-auth.toml"), config).unwrap();
        (directory, public)
    }

    /// Adds lines to its configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let file = self.path().join("careconnect-auth.toml");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{before}{lines}")).unwrap();
    }

    /// A client of the public listener that shows no certificate.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.client_with(None)
    }

    /// A client of HTTP/1.1 that believes `authority` and shows no certificate.
    pub(crate) fn client_of(authority: &Authority) -> reqwest::Client {
        let tls = tls_client::config(authority, None);
        reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap()
    }

    /// A client of the public listener.
    pub(crate) fn client_with(&self, identity: Option<&Identity>) -> reqwest::Client {
        let tls = tls_client::config(&self.authority, identity);
        reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap()
    }

    /// An administrator with all roles.
    pub(crate) fn admin(&self) -> Admin {
        Admin::at(self.admin, tls_client::config(&self.authority, Some(&self.admin_authority.client(admin::ROOT))))
    }
}

/// Free, and below those that systems give to whoever asks for any port: nobody takes them before the server does.
fn free_ports<const N: usize>() -> [u16; N] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 10_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let candidates = std::iter::repeat_with(|| start + NEXT.fetch_add(1, Ordering::Relaxed));
    let mut free = candidates.take(1000).filter(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    [(); N].map(|()| free.next().unwrap())
}

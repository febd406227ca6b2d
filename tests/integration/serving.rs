//! `migrate`, `serve` and `SIGTERM`: the binary as operators run it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    authority::Authority,
    command::{command, run},
    databases::TestDatabase,
    listener::write_identity,
    soon::{SOON, soon, until},
    tls_client,
};

/// `O_NONBLOCK`: a pipe that nobody reads cannot be opened for writing.
const NON_BLOCKING: i32 = 0o4000;

/// A `serve` process that ends with the test.
pub(crate) struct Serve {
    pub(crate) child: Child,
    log: Option<BufReader<ChildStderr>>,
    ended: Arc<AtomicBool>,
}

/// A server that does not do what its test waits for is ended, and the test with it.
fn kill_unless(ended: Arc<AtomicBool>, process: u32) -> impl FnOnce() {
    move || {
        let deadline = Instant::now() + 3 * SOON;
        while Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(200));
            if ended.load(Ordering::Relaxed) {
                return;
            }
        }
        Command::new("kill").args(["-KILL", &process.to_string()]).status().ok();
    }
}

impl Serve {
    fn spawn(directory: &Path) -> Self {
        let mut child = command(directory, &["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let log = child.stderr.take().map(BufReader::new);
        let ended = Arc::new(AtomicBool::new(false));
        std::thread::spawn(kill_unless(ended.clone(), child.id()));
        Self { child, log, ended }
    }

    pub(crate) fn start(directory: &Path) -> Self {
        let mut serve = Self::spawn(directory);
        serve.read_until("serving");
        serve
    }

    /// The log up to the line that has `text`.
    fn read_until(&mut self, text: &str) -> String {
        let (mut read, log) = (String::new(), self.log.as_mut().unwrap());
        while !read.contains(text) {
            assert!(log.read_line(&mut read).unwrap() > 0, "the log ends without {text:?}: {read}");
        }
        read
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }
}

impl Serve {
    pub(crate) fn stops_when_told(&mut self) {
        self.signal("TERM");
        self.read_until("stopped");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) struct Scene {
    directory: tempfile::TempDir,
    authority: Authority,
    _database: TestDatabase,
    pub(crate) public: u16,
    metrics: u16,
}

impl Scene {
    async fn set() -> Self {
        careconnect_auth::crypto::install();
        let (directory, authority) = (tempfile::tempdir().unwrap(), Authority::new("Server CA"));
        let database = TestDatabase::empty().await;
        let [public, metrics] = free_ports();
        write_identity(directory.path(), &authority.server());
        std::fs::write(directory.path().join("database-url"), database.url()).unwrap();
        let config = format!(
            "issuer = \"https://localhost:{public}/careconnect\"\nlisten = \"127.0.0.1:{public}\"\n\
             tls.certificate_file = \"server.pem\"\ntls.key_file = \"server.key\"\n\
             database.url_file = \"database-url\"\nmetrics.listen = \"127.0.0.1:{metrics}\"\n"
        );
        std::fs::write(directory.path().join("careconnect-auth.toml"), config).unwrap();
        Self { directory, authority, _database: database, public, metrics }
    }

    pub(crate) async fn migrated() -> Self {
        let scene = Self::set().await;
        run(scene.path(), &["migrate"]).success();
        scene
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn client(&self) -> reqwest::Client {
        reqwest::Client::builder().tls_backend_preconfigured(tls_client::config(&self.authority, None)).build().unwrap()
    }
}

/// Free, and below those that systems give to whoever asks for any port: nobody takes them before the server does.
fn free_ports() -> [u16; 2] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 10_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let candidates = std::iter::repeat_with(|| start + NEXT.fetch_add(1, Ordering::Relaxed));
    let mut free = candidates.take(1000).filter(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok());
    [free.next().unwrap(), free.next().unwrap()]
}

#[tokio::test]
async fn a_database_without_a_schema_is_not_served_until_it_is_migrated() {
    let scene = Scene::set().await;
    let refused = run(scene.path(), &["serve"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("careconnect-auth migrate"), "{refused:?}");

    run(scene.path(), &["migrate"]).success();
    let again = run(scene.path(), &["migrate", "--json"]).success();
    assert_eq!(again.json()["applied"], serde_json::json!([]));

    let _served = Serve::start(scene.path());
    let url = format!("https://localhost:{}/health/ready", scene.public);
    assert_eq!(scene.client().get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn metrics_are_served_on_a_port_of_their_own() {
    let scene = Scene::migrated().await;
    let _served = Serve::start(scene.path());
    let public = format!("https://localhost:{}", scene.public);
    let token = format!("{public}/careconnect/oauth2/token");
    scene.client().post(token).form(&[("grant_type", "client_credentials")]).send().await.unwrap();
    assert_eq!(scene.client().get(format!("{public}/metrics")).send().await.unwrap().status(), 404);

    let metrics = format!("http://127.0.0.1:{}/metrics", scene.metrics);
    let expected = [
        r#"careconnect_tokens_refused_total{reason="audience_missing"} 1"#,
        "careconnect_registry_age_seconds ",
        r#"careconnect_registry_entries{kind="consumers"} 0"#,
        "careconnect_tls_certificate_expiry_timestamp_seconds{listener=\"public\"} ",
    ];
    until("every line; ages are written once a second", async || {
        let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        expected.iter().all(|line| text.contains(line))
    })
    .await;
}

#[tokio::test]
async fn the_order_to_stop_is_obeyed_and_said() {
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    served.stops_when_told();
}

#[tokio::test]
async fn an_order_to_stop_that_comes_before_anything_is_served_is_obeyed_too() {
    let scene = Scene::set().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://nobody@{}/nothing", silent.local_addr().unwrap());
    std::fs::write(scene.path().join("database-url"), url).unwrap();
    let mut starting = Serve::spawn(scene.path());
    let _never_answered = silent.accept().unwrap();
    starting.stops_when_told();
}

#[tokio::test]
async fn a_reader_of_the_log_that_is_stuck_or_gone_stops_nobody() {
    const MORE_THAN_A_PIPE_HOLDS: usize = 1000;
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    let (client, url) = (scene.client(), format!("https://localhost:{}/careconnect/oauth2/token", scene.public));
    let refused = async || client.post(&url).form(&[("grant_type", "password")]).send().await.unwrap().status();
    for _ in 0..MORE_THAN_A_PIPE_HOLDS {
        assert_eq!(soon("an answer", refused()).await, 400);
    }

    served.log = None;
    assert_eq!(soon("an answer", refused()).await, 400);
    served.signal("TERM");
    assert!(served.child.wait().unwrap().success());
}

#[tokio::test]
async fn an_order_to_stop_is_heard_while_the_server_waits_for_a_file() {
    let scene = Scene::migrated().await;
    let keys = scene.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    let held = std::fs::File::open(&keys).unwrap();
    held.lock().unwrap();
    let mut starting = Serve::spawn(scene.path());
    starting.read_until("the register is loaded");
    starting.stops_when_told();
}

#[tokio::test]
async fn an_order_to_stop_is_obeyed_while_a_certificate_cannot_be_read() {
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    let certificate = scene.path().join("server.pem");
    std::fs::remove_file(&certificate).unwrap();
    assert!(Command::new("mkfifo").arg(&certificate).status().unwrap().success());
    served.signal("HUP");
    let reading = until("the certificate is opened", async || {
        let writer = std::fs::OpenOptions::new().write(true).custom_flags(NON_BLOCKING).open(&certificate);
        writer.is_ok_and(|writer| Box::leak(Box::new(writer)).metadata().is_ok())
    });
    reading.await;
    served.stops_when_told();
}

#[tokio::test]
async fn a_second_order_cuts_the_requests_in_flight() {
    let scene = Scene::migrated().await;
    let mut served = Serve::start(scene.path());
    let address = ([127, 0, 0, 1], scene.public).into();
    let mut stream = tls_client::connect(address, tls_client::config(&scene.authority, None)).await.unwrap();
    let head = b"POST /careconnect/oauth2/token HTTP/1.1\r\nhost: localhost\r\n\
        content-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let _continue = soon("the server waits for the body", stream.read(&mut [0; 64])).await.unwrap();
    served.signal("TERM");
    served.read_until("stopping");
    served.signal("TERM");
    served.read_until("stopped at once");
    assert!(served.child.wait().unwrap().success());
}

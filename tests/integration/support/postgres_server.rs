//! One real PostgreSQL server per test process, on a socket in a directory of its own; both end with the process.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::OnceLock,
    time::{Duration, Instant},
};

use super::watchdog::{unprivileged_directory, watched};

const SUPERUSER: &str = "careconnect";

/// The server.
pub(crate) struct PostgresServer {
    directory: PathBuf,
    /// What comes before a command that runs as its account.
    prefix: Vec<String>,
    /// Each lives while its input does.
    watchdogs: Vec<Child>,
}

impl PostgresServer {
    /// The server of this process; starts it when it is first asked for.
    pub(crate) fn shared() -> &'static Self {
        static SERVER: OnceLock<PostgresServer> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// The socket that it listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// Runs one statement on one of its databases.
    pub(crate) async fn execute(&self, database: &str, statement: String) {
        use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, postgres::PgConnectOptions};
        let options = PgConnectOptions::new_without_pgpass().socket(&self.directory).username(SUPERUSER);
        let mut connection = options.database(database).connect().await.unwrap();
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The URL of one of its databases behind a TCP port of this machine.
    pub(crate) fn url(database: &str, port: u16) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// One that its owner may stop.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let (directory, prefix) = unprivileged_directory("careconnect-postgres-");
        let data = directory.join("data");
        let initialise = [programs.join("initdb").display().to_string(), "-D".into(), data.display().to_string()]
            .into_iter()
            .chain(["-A", "trust", "-U", SUPERUSER, "-E", "UTF8", "--no-locale", "--no-sync"].map(str::to_owned));
        run(&prefix, initialise);
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\nsynchronous_commit = off\n\
             full_page_writes = off\nmax_connections = 400\nshared_buffers = 32MB\n",
            directory.display()
        );
        let mut file = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        file.write_all(settings.as_bytes()).unwrap();

        let mut server = Self { directory, prefix, watchdogs: Vec::new() };
        server.start_again();
        server
    }

    /// Ends every connection, and the server.
    pub(crate) fn stop(&self) {
        let file = self.directory.join("data/postmaster.pid");
        let process = fs::read_to_string(&file).unwrap().lines().next().unwrap().to_owned();
        run(&[], ["kill", "-INT", &process].map(str::to_owned).into_iter());
        wait("stop", || !file.exists(), &self.directory);
    }

    /// After [`Self::stop`].
    pub(crate) fn start_again(&mut self) {
        let data = self.directory.join("data").display().to_string();
        let postgres = [programs().join("postgres").display().to_string(), "-D".into(), data];
        fs::write(self.directory.join("log"), "").unwrap();
        self.watchdogs.push(watched(&self.directory, self.prefix.iter().cloned().chain(postgres)));
        let log = self.directory.join("log");
        let is_ready = || fs::read_to_string(&log).unwrap_or_default().contains("ready to accept");
        wait("start", is_ready, &self.directory);
    }
}

fn wait(what: &str, is_so: impl Fn() -> bool, directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        let log = || fs::read_to_string(directory.join("log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "PostgreSQL did not {what}: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The newest of the installed ones; Debian keeps them out of PATH.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number =
        |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok());
    let debian = versions.map(|entry| entry.path()).max_by_key(number).map(|version| version.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_both = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    debian.into_iter().chain(std::env::split_paths(&path)).find(has_both).unwrap_or_else(|| {
        panic!("TEST_DATABASE=postgres needs initdb and postgres: install the Debian package `postgresql`")
    })
}

fn run(prefix: &[String], command: impl Iterator<Item = String>) {
    let words: Vec<String> = prefix.iter().cloned().chain(command).collect();
    let outcome = Command::new(&words[0]).args(&words[1..]).current_dir(Path::new("/")).output();
    let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", words[0]));
    assert!(outcome.status.success(), "{}: {}", words[0], String::from_utf8_lossy(&outcome.stderr));
}

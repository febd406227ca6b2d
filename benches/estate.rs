//! A register of 10,000 consumers: its import by file, beside as many bare rows in the same database, and what the admin API
//! answers about it, beside its cheapest answer.
//!
//! `cargo bench --bench estate [-- --postgres URL] [--consumers NUMBER]`, with the URL of an empty database that may be
//! filled; without it on SQLite.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, run by hand")]

use std::{
    fmt::Write,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Certificate, Client, Identity};
use serde_json::Value;
use sqlx::{Connection, PgConnection, SqliteConnection};

const SERVER: &str = env!("CARGO_BIN_EXE_careconnect-auth");
const ROUNDS: usize = 3;
const REQUESTS: usize = 200;
const READ_SLOT: &str = "urn:nhs:names:services:careconnect:fhir:rest:read:slot";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number: usize = after("--consumers").map_or(10_000, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let scene = Scene::new(directory.path(), after("--postgres"));
    import(&scene, number);
    tokio::runtime::Runtime::new().unwrap().block_on(ask(&scene));
}

/// The configuration of a throw-away server, and its database.
struct Scene {
    directory: PathBuf,
    manifest: Value,
    postgres: Option<String>,
}

/// Ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Scene {
    fn new(directory: &Path, postgres: Option<String>) -> Self {
        let mut dev = Command::new(SERVER);
        dev.args(["dev", "--listen", "127.0.0.1:0", "--directory"]).arg(directory.join("dev")).stdout(Stdio::piped());
        let mut dev = Running(dev.spawn().unwrap());
        let lines = BufReader::new(dev.0.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.starts_with("Stop with")));
        let manifest = serde_json::from_slice(&fs::read(directory.join("dev/dev.json")).unwrap()).unwrap();
        let scene = Self { directory: directory.to_owned(), manifest, postgres };
        if scene.postgres.is_some() {
            assert!(scene.command(&["migrate"]).status().unwrap().success());
        }
        scene
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SERVER);
        command.args(arguments).arg("--config").arg(self.manifest["config_file"].as_str().unwrap());
        command.current_dir(&self.directory).env("CARECONNECT_AUTH__LOG__LEVEL", "error");
        command.envs(self.postgres.as_ref().map(|url| ("CARECONNECT_AUTH__DATABASE__URL", url)));
        command
    }

    fn timed(&self, what: &str, arguments: &[&str]) {
        let begun = Instant::now();
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        println!("  {what:42} {:8.2} s", begun.elapsed().as_secs_f64());
    }
}

fn import(scene: &Scene, number: usize) {
    fs::write(scene.directory.join("estate.toml"), estate(number)).unwrap();
    println!("import of {number} consumers with two credentials each, and what is assured of them");
    scene.timed("estate plan, of an empty register", &["estate", "plan", "estate.toml"]);
    scene.timed("estate apply, one transaction", &["estate", "apply", "estate.toml", "--reason", "a measurement"]);
    let rows = number * 7 + number.min(1_000) * 2; // consumer, 2 credentials, 2 assurances, records of 3 changes
    let begun = Instant::now();
    tokio::runtime::Runtime::new().unwrap().block_on(bare_rows(scene, rows));
    println!("  {:42} {:8.2} s", format!("beside: {rows} bare rows, a statement each"), begun.elapsed().as_secs_f64());
    scene.timed("estate apply again, nothing to do", &["estate", "apply", "estate.toml", "--reason", "a measurement"]);
    scene.timed("estate export", &["estate", "export", "exported.toml"]);
    scene.timed("audit verify", &["audit", "verify", "--of", "changes", "--without-keys"]);
}

/// Each a statement of its own, as long as an average row of the register.
async fn bare_rows(scene: &Scene, rows: usize) {
    let text = "x".repeat(300);
    macro_rules! write {
        ($connection:expr, $insert:expr) => {{
            let mut connection = $connection;
            sqlx::query("create table bare (number bigint primary key, body text not null)")
                .execute(&mut connection)
                .await
                .unwrap();
            let mut transaction = connection.begin().await.unwrap();
            for number in 0..i64::try_from(rows).unwrap() {
                sqlx::query($insert).bind(number).bind(&text).execute(&mut *transaction).await.unwrap();
            }
            transaction.commit().await.unwrap();
        }};
    }
    let insert = "insert into bare (number, body) values ($1, $2)";
    match &scene.postgres {
        Some(url) => write!(PgConnection::connect(url).await.unwrap(), insert),
        None => {
            let file = format!("sqlite:{}?mode=rwc", scene.directory.join("bare.db").display());
            write!(SqliteConnection::connect(&file).await.unwrap(), insert);
        }
    }
}

async fn ask(scene: &Scene) {
    let begun = Instant::now();
    let _server = Running(scene.command(&["serve"]).spawn().unwrap());
    let admin = &scene.manifest["admin"];
    let file = |value: &Value| fs::read(value.as_str().unwrap()).unwrap();
    careconnect_auth::crypto::install();
    let identity = [file(&admin["cert_file"]), file(&admin["key_file"])].concat();
    let authority = Certificate::from_pem(&file(&scene.manifest["ca_file"])).unwrap();
    let identity = Identity::from_pem(&identity).unwrap();
    let client = Client::builder().tls_certs_only([authority]).identity(identity).build().unwrap();
    let base = admin["base_url"].as_str().unwrap();
    let get = async |path: &str| {
        let response = client.get(format!("{base}{path}")).send().await?;
        let status = response.status();
        response.bytes().await.map(|_| status.as_u16())
    };
    while get("/whoami").await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!(
        "start to first answer {:.2} s; answers of the admin API, {REQUESTS} each in {ROUNDS} rounds",
        begun.elapsed().as_secs_f64()
    );
    let group = format!("/consumers?group={READ_SLOT}&limit=50");
    let paths = [
        ("ceiling: whoami", "/whoami"),
        ("50 consumers", "/consumers?limit=50"),
        ("consumers of an ASID", "/consumers?asid=300000004321"),
        ("consumers of an organisation", "/consumers?ods_code=A0321"),
        ("consumers by a part of their name", "/consumers?name=ice%204321"),
        ("consumers of a supplier", "/consumers?supplier_ods_code=SUP7&limit=50"),
        ("consumers that hold a group", group.as_str()),
        ("one consumer", "/consumers/consumer-004321"),
        ("its groups", "/consumers/consumer-004321/groups"),
        ("50 assurances", "/assurances?limit=50"),
        ("the newest 50 changes", "/audit?limit=50"),
        ("changes of one consumer", "/audit?identifier=consumer-004321"),
    ];
    for (what, path) in paths {
        let mut medians = Vec::new();
        let mut slowest = Duration::ZERO;
        for _ in 0..ROUNDS {
            let mut times = Vec::new();
            for _ in 0..REQUESTS {
                let begun = Instant::now();
                assert_eq!(get(path).await.unwrap(), 200, "{path}");
                times.push(begun.elapsed());
            }
            times.sort();
            medians.push(times[REQUESTS / 2]);
            slowest = slowest.max(times[REQUESTS * 99 / 100]);
        }
        medians.sort();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let [low, median, high] = [0, ROUNDS / 2, ROUNDS - 1].map(|index| milliseconds(medians[index]));
        let p99 = milliseconds(slowest);
        println!("  {what:36} median {median:7.2} ms ({low:.2} to {high:.2})  p99 {p99:7.2} ms");
    }
}

fn estate(number: usize) -> String {
    let mut text = String::new();
    for index in 0..number {
        let (asid, organisation, supplier) =
            (300_000_000_000_u64 + u64::try_from(index).unwrap(), index % 1_000, index % 50);
        write!(
            text,
            "[[consumers]]\nclient_id = \"consumer-{index:06}\"\nasid = \"{asid}\"\nname = \"Service {index}\"\n\
             ods_code = \"A{organisation:04}\"\norganisation_type = \"urgent-care\"\nsupplier_ods_code = \"SUP{supplier}\"\n\
             product = \"Booking\"\n\n[[consumers.credentials]]\nkind = \"san_dns\"\nvalue = \"c{index}.trust.nhs.uk\"\n\n\
             [[consumers.credentials]]\nkind = \"key\"\nvalue = '{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\
             \"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"k{index}\"}}'\n\n"
        )
        .unwrap();
        assurance(&mut text, "service", &format!("consumer-{index:06}"));
        assurance(&mut text, "system", &asid.to_string());
    }
    (0..number.min(1_000)).for_each(|index| assurance(&mut text, "organisation", &format!("A{index:04}")));
    (0..number.min(50)).for_each(|index| assurance(&mut text, "supplier", &format!("SUP{index}")));
    text
}

fn assurance(text: &mut String, subject: &str, identifier: &str) {
    write!(
        text,
        "[[assurances]]\nsubject = \"{subject}\"\nidentifier = \"{identifier}\"\ngroup = \"{READ_SLOT}\"\nevidence = \"CSR\"\n\n"
    )
    .unwrap();
}

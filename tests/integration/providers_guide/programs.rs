//! The programs of the guide, taken out of its pages, and run as a reader would run them.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    foreign::{alone, interop_file, jackson, java, node, python, said},
    process::Running,
    shell_blocks::blocks,
    soon::until,
};

/// A page of the guide: its programs in their order, and how they run.
pub(super) struct Page {
    pub(super) language: &'static str,
    pub(super) text: &'static str,
    fence: &'static str,
    files: &'static [&'static str],
    start: fn(&Path, &str) -> Command,
    /// Judges the vectors, beside the programs.
    vectors: &'static str,
}

pub(super) const PAGES: [Page; 3] = [
    Page {
        language: "Python",
        text: include_str!("../../../docs/providers/python.md"),
        fence: "python",
        files: &["careconnect_tokens.py", "provider.py"],
        start: |_, program| {
            let mut python = python();
            python.arg(program);
            python
        },
        vectors: "vectors.py",
    },
    Page {
        language: "Node",
        text: include_str!("../../../docs/providers/node.md"),
        fence: "js",
        files: &["careconnect_tokens.mjs", "provider.mjs"],
        start: |directory, program| {
            let mut node = node(directory);
            node.arg(program);
            node
        },
        vectors: "vectors.mjs",
    },
    Page {
        language: "Java",
        text: include_str!("../../../docs/providers/java.md"),
        fence: "java",
        files: &["TokenVerifier.java", "IssuerKeys.java", "Refused.java", "Provider.java"],
        start: |_, program| {
            let mut java = java();
            java.args(["-Djavax.net.ssl.trustStore=trust.p12", "-Djavax.net.ssl.trustStorePassword=changeit"]);
            java.arg(program.trim_end_matches(".java"));
            java
        },
        vectors: "Vectors.java",
    },
];

/// The programs of a page in a directory of their own, ready to run.
pub(super) struct Programs {
    page: &'static Page,
    directory: Arc<TempDir>,
}

impl Programs {
    pub(super) fn of(page: &'static Page) -> Self {
        Self::changed(page, |text| text.to_owned())
    }

    /// With another number in them, say.
    pub(super) fn changed(page: &'static Page, change: impl Fn(&str) -> String) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let shown = blocks(page.text, page.fence);
        assert_eq!(shown.len(), page.files.len(), "{}", page.language);
        for (name, text) in page.files.iter().zip(shown) {
            assert!(page.text.contains(&format!("## {name}")), "{name}");
            fs::write(directory.path().join(name), change(text)).unwrap();
        }
        let vectors = interop_file("vectors").join(page.vectors);
        fs::copy(vectors, directory.path().join(page.vectors)).unwrap();
        let programs = Self { page, directory };
        if page.language == "Java" {
            said(programs.compiler());
        }
        programs
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn compiler(&self) -> Command {
        let mut compiler = alone(Command::new("javac"));
        compiler.arg("-cp").arg(jackson());
        compiler.args(self.page.files).arg(self.page.vectors).current_dir(self.path());
        compiler
    }

    /// As the page has it: Java wants authorities in a store of its own.
    fn keytool(&self, authority: &Path) -> Command {
        let mut keytool = alone(Command::new("keytool"));
        keytool.args(["-importcert", "-noprompt", "-keystore", "trust.p12", "-storepass", "changeit", "-file"]);
        keytool.arg(authority).current_dir(self.path());
        keytool
    }

    fn command(&self, program: &str) -> Command {
        let mut command = (self.page.start)(self.path(), program);
        command.current_dir(self.path());
        command
    }

    /// The verdict on each vector, in their order.
    pub(super) fn judge(&self, arguments: &[&str]) -> Vec<Value> {
        let mut judge = self.command(self.page.vectors);
        judge.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/tests/vectors/verifier.json")).args(arguments);
        said(judge).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts the service for `root`, which trusts this authority; it is up when this returns.
    pub(super) async fn serve(&self, issuer: &str, root: &str, keys: &str, authority: &Path) -> Service {
        if self.page.language == "Java" && !self.path().join("trust.p12").exists() {
            said(self.keytool(authority));
        }
        careconnect_auth::crypto::install();
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = self.command(self.page.files.last().unwrap());
        command.env("ISSUER", issuer).env("SERVICE_ROOT", root).env("JWKS_URL", keys).env("PORT", "0");
        command.env("SSL_CERT_FILE", authority).env("NODE_EXTRA_CA_CERTS", authority);
        let end = || Stdio::from(File::options().append(true).open(log.path()).unwrap());
        let running = Running(command.stdout(end()).stderr(end()).spawn().unwrap());
        let (language, programs) = (self.page.language, Arc::clone(&self.directory));
        let mut service = Service { language, url: String::new(), log, _running: running, _programs: programs };
        until("the service has a port", async || {
            let log = service.log();
            let address = log.lines().find(|line| line.starts_with("http://127.0.0.1:")).map(str::to_owned);
            service.url = address.unwrap_or_default();
            !service.url.is_empty()
        })
        .await;
        service
    }
}

/// A program that serves until it is dropped.
pub(super) struct Service {
    pub(super) language: &'static str,
    pub(super) url: String,
    log: tempfile::NamedTempFile,
    _running: Running,
    /// Java loads a class when it needs it.
    _programs: Arc<TempDir>,
}

impl Service {
    /// All that it has printed.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap()
    }

    /// `GET /Slot` with this token.
    pub(super) async fn look(&self, token: &str) -> Told {
        self.ask(reqwest::Client::new().get(format!("{}/Slot", self.url)).bearer_auth(token)).await
    }

    /// `POST /Appointment` with this token.
    pub(super) async fn book(&self, token: &str) -> Told {
        self.ask(reqwest::Client::new().post(format!("{}/Appointment", self.url)).bearer_auth(token).body("{}")).await
    }

    pub(super) async fn ask(&self, request: reqwest::RequestBuilder) -> Told {
        let answer = request.send().await.unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{}", self.language);
        assert_eq!(header("content-type").as_deref(), Some("application/fhir+json"), "{}", self.language);
        let (status, challenge) = (answer.status().as_u16(), header("www-authenticate"));
        let resource: Value = answer.json().await.unwrap();
        if status >= 400 {
            assert_eq!(resource["resourceType"], "OperationOutcome", "{}", self.language);
            let reference = resource["id"].as_str().unwrap();
            assert!(self.log().contains(reference), "{reference} is not in {}", self.log());
        }
        let reason = resource["issue"][0]["diagnostics"].as_str().unwrap_or_default().to_owned();
        Told { status, challenge, reason }
    }
}

/// What a service answered.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) challenge: Option<String>,
    pub(super) reason: String,
}

impl Told {
    /// Refused for lack of a good token.
    #[track_caller]
    pub(super) fn is_unauthorised(&self, language: &str) {
        assert_eq!(self.status, 401, "{language}: {self:?}");
        let challenge = self.challenge.as_deref().unwrap();
        assert!(challenge.starts_with("Bearer realm=\"careconnect\", error=\"invalid_token\""), "{language}: {self:?}");
    }
}

//! The provider demonstrator, as a developer runs it beside `dev`.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::{RequestBuilder, Response};

use super::{
    dev::Dev,
    foreign::{alone, said},
    process::Running,
    soon::until,
};

/// Its process, which ends with the test.
pub(crate) struct Demonstrator {
    _process: Running,
    /// Where it listens, such as `http://127.0.0.1:8080`.
    pub(crate) address: String,
    /// The FHIR service in it.
    pub(crate) base: String,
    log: PathBuf,
}

impl Demonstrator {
    /// For the first provider of `dev`, on a free port.
    pub(crate) async fn start(dev: &Dev, arguments: &[&str]) -> Self {
        static NTH: AtomicUsize = AtomicUsize::new(0);
        careconnect_auth::crypto::install();
        let log = dev.directory.join(format!("demonstrator-{}.log", NTH.fetch_add(1, Ordering::Relaxed)));
        let mut command = alone(Command::new(program()));
        command.arg("--dev").arg(dev.manifest_file()).args(["--listen", "127.0.0.1:0"]).args(arguments);
        let stdout = File::create(&log).unwrap();
        command.stderr(stdout.try_clone().unwrap()).stdout(stdout).stdin(Stdio::null());
        let process = Running(command.spawn().unwrap());
        let text = || std::fs::read_to_string(&log).unwrap();
        until("the demonstrator's address", async || text().contains("/ in a browser")).await;
        let (_, rest) = text().split_once("open ").map(|(head, rest)| (head.to_owned(), rest.to_owned())).unwrap();
        let address = rest.split_once("/ in a browser").unwrap().0.to_owned();
        let root: reqwest::Url = dev.provider().parse().unwrap();
        Self { _process: process, base: format!("{address}{}", root.path()), address, log }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The index page.
    pub(crate) async fn page(&self) -> Response {
        reqwest::get(&self.address).await.unwrap()
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> RequestBuilder {
        reqwest::Client::new().get(format!("{}{path}", self.base)).bearer_auth(token)
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &serde_json::Value) -> RequestBuilder {
        written(reqwest::Client::new().post(format!("{}{path}", self.base)).bearer_auth(token), body)
    }

    pub(crate) fn put(&self, path: &str, token: &str, body: &serde_json::Value) -> RequestBuilder {
        written(reqwest::Client::new().put(format!("{}{path}", self.base)).bearer_auth(token), body)
    }

    /// Tokens by the names of the index page's variables, got by its lines.
    pub(crate) async fn tokens(&self) -> BTreeMap<String, String> {
        let names = ["TOKEN", "PRACTICE", "VIEWER", "ELSEWHERE"];
        let page = self.page().await.text().await.unwrap();
        let lines = blocks(&page).remove(0).1;
        let mut shell = alone(Command::new("sh"));
        shell.args(["-euc", &format!("{lines}\nfor it in $TOKEN $PRACTICE $VIEWER $ELSEWHERE; do echo $it; done")]);
        let said = said(shell);
        let tokens: Vec<_> = said.lines().map(str::to_owned).collect();
        assert_eq!(tokens.len(), names.len());
        names.map(str::to_owned).into_iter().zip(tokens).collect()
    }
}

/// The demonstrator as cargo has built it.
pub(crate) fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_careconnect-auth")).with_file_name("examples/provider_demonstrator");
    let missing = "build it: cargo build -p careconnect-verifier --example provider_demonstrator --features axum";
    assert!(program.exists(), "{missing}");
    program
}

fn written(request: RequestBuilder, body: &serde_json::Value) -> RequestBuilder {
    request.header("content-type", "application/fhir+json").body(body.to_string())
}

/// The index page's blocks for a shell: what stands in the tag besides `pre`, and the lines.
pub(crate) fn blocks(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("<pre ").skip(1).filter_map(|rest| rest.split_once('>'));
    let blocks = blocks.filter_map(|(tag, rest)| Some((tag, rest.split_once("</pre>")?.0)));
    let plain = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&amp;", "&")
    };
    blocks.map(|(tag, text)| (tag.to_owned(), plain(text))).collect()
}

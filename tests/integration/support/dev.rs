//! `careconnect-auth dev`, as people run it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use reqwest::Url;
use serde_json::Value;

use super::{command::command, soon::SOON};

/// A `dev` server that ends with the test, and its log.
pub(crate) struct Dev {
    child: Child,
    /// What it printed before it said how to stop it.
    pub(crate) welcome: String,
    pub(crate) directory: PathBuf,
}

impl Dev {
    /// Starts it in `directory` on a free port, and waits until it says that it serves.
    pub(crate) fn start(directory: &Path) -> Self {
        let arguments = ["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let log = File::create(directory.join("dev.log")).unwrap();
        let mut child = command(directory, &arguments).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.starts_with("Stop with")).collect();
        let dev = Self { child, welcome: said.join("\n"), directory: directory.join("dev") };
        assert!(said.iter().any(|line| line.starts_with("Serving ")), "{said:?}\n{}", dev.log());
        dev
    }

    /// Serves the same register by another configuration.
    pub(crate) fn serve_again(&mut self, change: impl FnOnce(&str) -> String) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let file = self.directory.join("careconnect-auth.toml");
        let (before, root) = (std::fs::read_to_string(&file).unwrap(), self.directory.parent().unwrap());
        let after = change(&before);
        assert_ne!(after, before);
        std::fs::write(file, after).unwrap();
        let log = File::options().append(true).open(root.join("dev.log")).unwrap();
        let arguments = ["--config", "dev/careconnect-auth.toml", "serve"];
        self.child = command(root, &arguments).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let admin: Url = self.manifest()["admin"]["base_url"].as_str().unwrap().parse().unwrap();
        let (address, deadline) = ((Ipv4Addr::LOCALHOST, admin.port().unwrap()), Instant::now() + SOON);
        while let Err(error) = TcpStream::connect(address) {
            assert!(Instant::now() < deadline, "{error}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.with_file_name("dev.log")).unwrap()
    }

    /// The service root of its first provider.
    pub(crate) fn provider(&self) -> String {
        self.manifest()["providers"][0]["base_url"].as_str().unwrap().to_owned()
    }

    pub(crate) fn manifest_file(&self) -> PathBuf {
        self.directory.join("dev.json")
    }

    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.manifest_file()).unwrap()).unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

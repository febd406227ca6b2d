//! `careconnect-auth dev`, as people run it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use serde_json::Value;

use super::command::command;

/// A `dev` server that ends with the test.
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
        let mut child = command(directory, &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.starts_with("Stop with")).collect();
        assert!(said.iter().any(|line| line.starts_with("Serving ")), "{said:?}");
        Self { child, welcome: said.join("\n"), directory: directory.join("dev") }
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

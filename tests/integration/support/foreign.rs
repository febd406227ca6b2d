//! Programs that we did not write, run offline of everything but the server under test.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};

use super::soon::SOON;

/// A Python with `tests/interop/requirements.txt`.
pub(crate) fn python() -> Command {
    alone(Command::new(named("INTEROP_PYTHON")))
}

/// Node, with the packages of `tests/interop/package.json` in reach of the programs in `directory`.
pub(crate) fn node(directory: &Path) -> Command {
    let packages = directory.join("node_modules");
    if !packages.exists() {
        std::os::unix::fs::symlink(named("INTEROP_NODE_MODULES"), packages).unwrap();
    }
    alone(Command::new("node"))
}

/// Java, with the classes of its directory and Jackson in reach.
pub(crate) fn java() -> Command {
    let mut java = alone(Command::new("java"));
    let mut classes = OsString::from(".:");
    classes.push(jackson());
    java.arg("-cp").arg(classes);
    java
}

/// The class path of Jackson.
pub(crate) fn jackson() -> OsString {
    named("INTEROP_JACKSON")
}

/// One of the programs and settings for them.
pub(crate) fn interop_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

fn named(variable: &str) -> OsString {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} names what tests/run installs: run tests/run"))
}

/// Neither a proxy nor the authorities of the environment count.
pub(crate) fn alone(mut command: Command) -> Command {
    for variable in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
        command.env_remove(variable);
    }
    for variable in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(variable);
    }
    command
}

/// What a command prints that must succeed.
#[track_caller]
pub(crate) fn said(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    printed(&command, output)
}

/// What a command prints that must succeed soon, if not at once.
#[track_caller]
pub(crate) fn said_soon(make: impl Fn() -> Command) -> String {
    let deadline = Instant::now() + SOON;
    loop {
        let mut command = make();
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if output.status.success() || Instant::now() > deadline {
            return printed(&command, output);
        }
    }
}

#[track_caller]
fn printed(command: &Command, Output { status, stdout, stderr }: Output) -> String {
    let stdout = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{command:?}\n{stdout}\n{}", String::from_utf8_lossy(&stderr));
    stdout
}

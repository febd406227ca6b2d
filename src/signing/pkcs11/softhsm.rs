//! Throw-away tokens of SoftHSM, for tests.

use std::{
    any::type_name_of_val,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::Pkcs11Settings;

pub(in crate::signing) const LABEL: &str = "throw-away";
pub(in crate::signing) const PIN: &str = "432198765";

/// SoftHSM finds its tokens by this, and reads it once in a process.
const CONFIGURATION: &str = "SOFTHSM2_CONF";
/// Tells the process that was made for a test from the one that runs them all.
const CHILD: &str = "TEST_WITH_SOFTHSM_TOKEN";
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// Does `test`, a closure of the test function itself, with a token of its own. That is in another process: a process
/// has one PKCS#11 context, which knows one configuration, and no test can be given that by changing this process's
/// environment.
pub(in crate::signing) fn with_token(test: impl FnOnce(&Pkcs11Settings)) {
    let settings = Pkcs11Settings { module: module(), token: LABEL.to_owned(), pin: PIN.to_owned().into() };
    if env::var_os(CHILD).is_some() {
        return test(&settings);
    }
    let directory = tempfile::tempdir().unwrap();
    let configuration = configure(directory.path());
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "87654321"])
        .env(CONFIGURATION, &configuration)
        .output();
    let Ok(made) = made else { panic!("softhsm2-util is missing; on Debian: apt-get install softhsm2") };
    assert!(made.status.success(), "{}", text(&made));
    let path = type_name_of_val(&test).trim_end_matches("::{{closure}}");
    let name = path.split_once("::").unwrap().1;
    let outcome = Command::new("timeout")
        .arg("120")
        .arg(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CONFIGURATION, &configuration)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = text(&outcome);
    assert!(outcome.status.success() && text.contains("1 passed"), "{name}\n{text}");
}

fn module() -> PathBuf {
    let found = MODULES.iter().map(PathBuf::from).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("SoftHSM is missing: none of {MODULES:?}; on Debian: apt-get install softhsm2"))
}

fn configure(directory: &Path) -> PathBuf {
    let (tokens, configuration) = (directory.join("tokens"), directory.join("softhsm2.conf"));
    fs::create_dir(&tokens).unwrap();
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    fs::write(&configuration, text).unwrap();
    configuration
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

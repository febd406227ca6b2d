//! Programs of others that a test runs: they end with this process, however that happens, and never run as root.

use std::{
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// Waits for its input to end, which it does when this process does; then stops the program and removes its directory. `$1`
/// is the directory, the rest the command.
const WATCHDOG: &str = r#"directory=$1; shift; "$@" >"$directory/log" 2>&1 </dev/null & server=$!
    cat >/dev/null; kill -QUIT "$server"; wait "$server"; rm -rf "$directory""#;

/// Runs `command` for as long as the result's input is open. What it prints is in `directory`, as `log`.
pub(crate) fn watched(directory: &Path, command: impl IntoIterator<Item = String>) -> Child {
    let mut watchdog = Command::new("sh");
    watchdog.args(["-c", WATCHDOG, "watchdog"]).arg(directory).args(command);
    watchdog.process_group(0); // an interrupt at the terminal is for the tests; the watchdog cleans up after them
    watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A directory that outlives the tests until the watchdog removes it, and what goes before a command that works in it: root's
/// tests run programs as somebody else.
pub(crate) fn unprivileged_directory(prefix: &str) -> (std::path::PathBuf, Vec<String>) {
    let directory = tempfile::Builder::new().prefix(prefix).tempdir().unwrap().keep();
    let mut before = Vec::new();
    if let Some((uid, gid)) = unprivileged_account() {
        chown(&directory, Some(uid), Some(gid)).unwrap();
        let id = format!("--reuid={uid} --regid={gid} --clear-groups");
        before.extend(["setpriv".to_owned()].into_iter().chain(id.split(' ').map(str::to_owned)));
    }
    (directory, before)
}

fn unprivileged_account() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let Output { stdout, .. } = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let account = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
    Some(["postgres", "nobody"].into_iter().find_map(account).expect("an account `postgres` or `nobody`"))
}

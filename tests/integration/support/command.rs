//! The binary, run as people run it.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Standard output of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// `careconnect-auth` in `directory`, without the environment's settings.
pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_careconnect-auth"));
    command.current_dir(directory).args(arguments).env_remove("CARECONNECT_AUTH_CONFIG").env("RUST_BACKTRACE", "0");
    command
}

pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Run {
    run_with_input(directory, arguments, b"")
}

pub(crate) fn run_with_input(directory: &Path, arguments: &[&str], input: &[u8]) -> Run {
    let output = output(command(directory, arguments), input);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a command with `input` on its standard input.
pub(crate) fn output(mut command: Command, input: &[u8]) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|threads| {
        threads.spawn(move || drop(stdin.write_all(input))); // it may have refused before reading
        child.wait_with_output().unwrap()
    })
}

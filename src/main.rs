//! `careconnect-auth`: see `careconnect-auth --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    careconnect_auth::cli::run()
}

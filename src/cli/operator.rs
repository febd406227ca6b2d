//! Who runs a command, as the operating system has it.

use crate::domain::{Actor, Via};

/// The user of this process; of one that came by `sudo`, with the user before.
#[expect(clippy::disallowed_methods, reason = "who came by sudo is no configuration")]
pub(super) fn actor() -> Actor {
    let uid = rustix::process::getuid();
    let user = uzers::get_user_by_uid(uid.as_raw()).map(|user| user.name().to_string_lossy().into_owned());
    let user = user.unwrap_or_else(|| format!("uid {}", uid.as_raw()));
    let name = match std::env::var("SUDO_USER") {
        Ok(before) if !before.is_empty() => format!("{} as {user}", before.escape_debug()),
        _ => user,
    };
    Actor { name, via: Via::CommandLine }
}

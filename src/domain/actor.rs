//! Who changes the register, and by which way.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whoever is behind a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The name in the configuration of an administrator, the operating system's name of a user, or a client id.
    pub name: String,
    /// How they came.
    pub via: Via,
}

/// How a change comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The admin API.
    Api,
    /// The command line, with access to the database itself.
    CommandLine,
    /// The token endpoint's neighbours: a consumer that revokes a token of its own.
    Consumer,
    /// The server itself, as when the directory says that a system is gone.
    Server,
}

/// What an administrator may do. Each may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Viewer,
    /// Change, and propose where two are needed.
    Editor,
    /// Confirm or reject what somebody else proposed.
    Approver,
}

impl Role {
    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Approver => "approver",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

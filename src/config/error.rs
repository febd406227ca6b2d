//! What is wrong with a configuration: every problem, each a sentence that names its place and its key.

use std::{fmt, path::PathBuf};

/// Everything wrong with a configuration, at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order of the file, then the environment, then rules between keys.
    pub problems: Vec<Problem>,
}

/// One thing wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// Full path of the key, where one is concerned.
    pub key: Option<String>,
    /// What is wrong and what is expected; names the key.
    pub sentence: String,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: it is missing, or several keys together are wrong.
    Nowhere,
    /// A file, and the line where known.
    File(PathBuf, Option<usize>),
    /// The environment variable of this name.
    Environment(String),
}

impl Problem {
    /// A problem of a key, wherever its value stands.
    pub fn of_key(key: &str, sentence: String) -> Self {
        Self { place: Place::Nowhere, key: Some(key.to_owned()), sentence }
    }

    /// A problem that concerns no single key.
    pub(super) fn general(place: Place, sentence: String) -> Self {
        Self { place, key: None, sentence }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("configuration"),
            Self::File(file, None) => write!(f, "{}", file.display()),
            Self::File(file, Some(line)) => write!(f, "{}, line {line}", file.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.sentence)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// `Err` when there is any problem.
    pub(super) fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

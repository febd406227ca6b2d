//! Values that people may take away by typing `none`.

use std::{fmt::Display, str::FromStr};

/// A value, or `none`.
#[derive(Debug, Clone)]
pub(super) struct OrNone<T>(pub(super) Option<T>);

impl<T: FromStr<Err: Display>> FromStr for OrNone<T> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self(None));
        }
        text.parse().map(|value| Self(Some(value))).map_err(|error| format!("{error}, or none"))
    }
}

impl<T> OrNone<T> {
    /// What it makes of `before`, where people may have typed nothing at all.
    pub(super) fn over(typed: Option<Self>, before: Option<&T>) -> Option<T>
    where
        T: Clone,
    {
        typed.map_or_else(|| before.cloned(), |Self(value)| value)
    }
}

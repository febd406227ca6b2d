//! How the values of the gateway's file are read, where their types cannot do it by themselves.

use std::{fmt::Display, str::FromStr};

use careconnect_verifier::{HeaderCheck, InteractionTable, SearchFilterMode};
use serde::{Deserialize, Deserializer, de::Error};

use crate::config::{LogFilter, LogFormat};

pub(super) fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

pub(super) fn all_parsed<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

/// One of `choices` by its name.
fn chosen<'de, D: Deserializer<'de>, T: Clone>(deserializer: D, choices: &[(&str, T)]) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| value.clone());
    found.ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        D::Error::custom(format!("expected one of {}, received {text:?}", names.join(", ")))
    })
}

pub(super) fn search_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SearchFilterMode, D::Error> {
    use SearchFilterMode::{Ignore, Refuse, Replace, Report};
    chosen(deserializer, &[("ignore", Ignore), ("report", Report), ("refuse", Refuse), ("replace", Replace)])
}

pub(super) fn header_check<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderCheck, D::Error> {
    use HeaderCheck::{Off, Reported, Required, WhenSent};
    chosen(deserializer, &[("required", Required), ("when-sent", WhenSent), ("reported", Reported), ("off", Off)])
}

pub(super) fn interactions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<InteractionTable, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "care-connect" => Ok(InteractionTable::care_connect()),
        "gp-connect" => Ok(InteractionTable::gp_connect()),
        lines => InteractionTable::parse(lines).map_err(D::Error::custom),
    }
}

pub(super) fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogFilter, D::Error> {
    LogFilter::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub(super) fn log_format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LogFormat, D::Error> {
    chosen(deserializer, &[("people", LogFormat::People), ("json", LogFormat::Json)])
}

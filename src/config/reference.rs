//! The reference of every key, for `docs/configuration.md`, and the configuration in effect, for `config dump`.

use std::fmt::Write;

use serde_json::json;
use toml::Value;

use super::{Config, LoadedConfig, Origin, environment_name};

/// The reference as Markdown tables, one per section.
pub fn markdown() -> String {
    let mut text = String::new();
    let mut config = Config::default();
    let mut previous = None;
    for entry in config.entries() {
        let (section, key) = entry.path.rsplit_once('.').unwrap_or(("", entry.path));
        if previous != Some(section) {
            let title = if section.is_empty() { "At the top of the file".to_owned() } else { format!("`[{section}]`") };
            let heading = "| key | value | default | what it is for |\n|---|---|---|---|";
            let gap = if previous.is_some() { "\n" } else { "" };
            push(&mut text, format_args!("{gap}### {title}\n\n{heading}\n"));
            previous = Some(section);
        }
        let default = entry.setting.show().map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
        let expected = entry.setting.expected().replace('|', "\\|");
        push(&mut text, format_args!("| `{key}` | {expected} | {default} | {} |\n", entry.about));
    }
    text
}

impl LoadedConfig {
    /// The configuration in effect as TOML that can be loaded again, each key with where its value came from. Secrets
    /// are redacted.
    pub fn to_toml(&self) -> String {
        let mut text = match &self.file {
            Some(file) => format!("# {}, with the environment and the defaults\n", file.display()),
            None => "# The environment and the defaults; no file was read\n".to_owned(),
        };
        let mut section = "";
        let mut config = self.config.clone();
        for entry in config.entries() {
            let (prefix, key) = entry.path.rsplit_once('.').unwrap_or(("", entry.path));
            if prefix != section {
                push(&mut text, format_args!("\n[{prefix}]\n"));
                section = prefix;
            }
            push(&mut text, format_args!("# {}\n", entry.about));
            let origin = self.describe_origin(entry.path);
            match entry.setting.show() {
                Some(value) if self.is_from_url_file(entry.path) => {
                    push(&mut text, format_args!("# {key} = {value} # {origin}\n"))
                }
                Some(value) => push(&mut text, format_args!("{key} = {value} # {origin}\n")),
                None => push(&mut text, format_args!("# {key} is not set\n")),
            }
        }
        text
    }

    /// The configuration in effect as `[{"key", "value", "origin"}]`; a key that is not set has the value `null`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut config = self.config.clone();
        let entries = config.entries().into_iter().map(|entry| {
            json!({
                "key": entry.path,
                "value": entry.setting.show().map_or(serde_json::Value::Null, json_of),
                "origin": self.describe_origin(entry.path),
                "environment": environment_name(entry.path),
            })
        });
        entries.collect()
    }

    fn describe_origin(&self, key: &str) -> String {
        match self.origin(key) {
            _ if self.is_from_url_file(key) => "from database.url_file".to_owned(),
            Origin::Default => "default".to_owned(),
            Origin::File(line) => format!("file, line {line}"),
            Origin::Environment(name) => format!("environment {name}"),
        }
    }

    fn is_from_url_file(&self, key: &str) -> bool {
        key == "database.url" && self.config.database.url_file.is_some()
    }
}

fn json_of(value: Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).unwrap_or_default(); // a String takes everything
}

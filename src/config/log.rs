//! How events are written, and which.

use std::fmt;

use toml::Value;

use super::setting::Setting;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// For whom events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Compact lines.
    #[default]
    People,
    /// One JSON object per line.
    Json,
}

/// Which events are written: `tracing-subscriber`'s directives, such as `info,sqlx=warn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(Box<str>);

impl LogFilter {
    /// Accepts directives; a bare word must be a level, because a misspelt level would otherwise be taken for the name
    /// of a module and silence everything else.
    pub fn parse(text: &str) -> Result<Self, String> {
        for directive in text.split(',').map(str::trim) {
            let bare = !directive.contains(['=', ':', '[']);
            if bare && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(directive)) {
                return Err(format!(
                    "{directive:?} is no level; expected one of {}, or target=level",
                    LEVELS.join(", ")
                ));
            }
        }
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.into())),
            Err(error) => Err(format!("{error}; expected directives such as info,sqlx=warn")),
        }
    }

    /// The directives.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".into())
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::People => "people",
            Self::Json => "json",
        })
    }
}

impl Setting for LogFormat {
    fn expected(&self) -> String {
        "\"people\" or \"json\"".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        *self = match value.as_str() {
            Some("people") => Self::People,
            Some("json") => Self::Json,
            _ => return Err(format!("expected {}", self.expected())),
        };
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }
}

impl Setting for LogFilter {
    fn expected(&self) -> String {
        "off, error, warn, info, debug or trace, or directives such as info,sqlx=warn".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let text = value.as_str().ok_or_else(|| format!("expected {}", self.expected()))?;
        *self = Self::parse(text)?;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.0.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_levels_and_directives() {
        for text in ["info", "WARN", "off", "info,sqlx=warn", "careconnect_auth::server=debug, info"] {
            assert!(LogFilter::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_module() {
        for text in ["inof", "", "info,", "info,sqlx=wran"] {
            assert!(LogFilter::parse(text).is_err(), "{text}");
        }
    }
}

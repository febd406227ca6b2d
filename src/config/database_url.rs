//! Which database, without its password in any output.

use std::{fmt, path::Path};

use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use toml::Value;
use url::Url;

use super::setting::Setting;

const RESERVED_IN_SQLITE_PATH: AsciiSet = percent_encoding::CONTROLS.add(b'%').add(b'?');
const EXPECTED: &str = "sqlite:FILE or postgres://USER@HOST/DATABASE";

/// A database URL; `Debug` and [`fmt::Display`] hide the password.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

/// Why a text is no database URL; it may hold a password, so it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected {EXPECTED}")]
pub struct InvalidDatabaseUrl(&'static str);

impl DatabaseUrl {
    /// Accepts `sqlite:` with a file name and `postgres:` or `postgresql:` with a host or socket and a database.
    pub fn parse(text: &str) -> Result<Self, InvalidDatabaseUrl> {
        match text.split_once(':') {
            Some(("sqlite", rest)) => match sqlite_file(rest) {
                "" => return Err(InvalidDatabaseUrl("it names no file")),
                ":memory:" => return Err(InvalidDatabaseUrl("a database in memory would be lost at every stop")),
                _ => {}
            },
            Some(("postgres" | "postgresql", _)) => {
                let url = Url::parse(text).map_err(|_| InvalidDatabaseUrl("it is not a URL"))?;
                if url.cannot_be_a_base() {
                    return Err(InvalidDatabaseUrl("it has no // after the scheme"));
                }
                if url.path().trim_matches('/').is_empty() {
                    return Err(InvalidDatabaseUrl("it names no database"));
                }
            }
            _ => return Err(InvalidDatabaseUrl("it begins neither with sqlite: nor with postgres:")),
        }
        Ok(Self(text.into()))
    }

    /// The whole URL, with the password, for opening the database.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether the database is an SQLite file.
    pub fn is_sqlite(&self) -> bool {
        self.expose().starts_with("sqlite:")
    }

    /// Whether it holds a password, in the authority or as a parameter.
    pub fn has_password(&self) -> bool {
        self.parsed().is_some_and(|url| url.password().is_some() || has_password_parameter(&url))
    }

    fn parsed(&self) -> Option<Url> {
        if self.is_sqlite() { None } else { Url::parse(self.expose()).ok() }
    }

    fn redacted(&self) -> String {
        let Some(mut url) = self.parsed().filter(|_| self.has_password()) else {
            return self.expose().to_owned();
        };
        if url.password().is_some() && url.set_password(Some("redacted")).is_err() {
            return "redacted".to_owned();
        }
        if has_password_parameter(&url) {
            url.set_query(Some("redacted"));
        }
        url.into()
    }
}

fn has_password_parameter(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| name.to_ascii_lowercase().contains("password"))
}

/// The file of an SQLite URL without its scheme: `sqlx` takes `sqlite:file` and `sqlite://file` alike.
fn sqlite_file(rest: &str) -> &str {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    rest.split_once('?').map_or(rest, |(file, _)| file)
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self("sqlite:careconnect-auth.db".into())
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl Setting for DatabaseUrl {
    fn expected(&self) -> String {
        EXPECTED.to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let text = value.as_str().ok_or_else(|| format!("expected {EXPECTED}"))?;
        let url = Self::parse(text).map_err(|error| error.to_string())?;
        if url.has_password() {
            return Err(
                "it has a password; put the URL into a file of its own and name that in `database.url_file`".into()
            );
        }
        *self = url;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.to_string()))
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn resolve(&mut self, base: &Path) {
        let Some(rest) = self.expose().strip_prefix("sqlite:") else { return };
        let file = sqlite_file(rest);
        let Ok(name) = percent_decode_str(file).decode_utf8() else { return };
        let resolved = base.join(name.as_ref());
        let Some(path) = resolved.to_str() else { return };
        let options = rest.split_once('?').map(|(_, options)| format!("?{options}")).unwrap_or_default();
        self.0 = format!("sqlite:{}{options}", utf8_percent_encode(path, &RESERVED_IN_SQLITE_PATH)).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_no_output() {
        for text in ["postgres://auth:hunter2@db/auth", "postgresql://db/auth?sslmode=require&password=hunter2"] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert!(url.has_password());
            assert!(!format!("{url} {url:?} {:?}", url.show()).contains("hunter2"));
            assert_eq!(url.expose(), text);
        }
        assert!(!DatabaseUrl::parse("postgres://auth@db:5432/auth").unwrap().has_password());
    }

    #[test]
    fn an_sqlite_file_is_resolved_and_escaped() {
        for (text, resolved) in [
            ("sqlite:auth.db", "sqlite:/etc/100%25/auth.db"),
            ("sqlite://auth.db?mode=ro", "sqlite:/etc/100%25/auth.db?mode=ro"),
            ("sqlite:/var/auth.db", "sqlite:/var/auth.db"),
            ("sqlite:///var/a%20b.db", "sqlite:/var/a b.db"),
        ] {
            let mut url = DatabaseUrl::parse(text).unwrap();
            url.resolve(Path::new("/etc/100%"));
            assert_eq!(url.expose(), resolved);
        }
    }

    #[test]
    fn refuses_other_databases_and_lost_ones() {
        for text in [
            "",
            "auth.db",
            "mysql://db/auth",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "postgres://db",
            "postgres:",
            "postgres:auth:hunter2@db/auth",
        ] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text:?}");
        }
    }
}

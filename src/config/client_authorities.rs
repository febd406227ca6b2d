//! `[[tls.client_authorities]]`: authorities of client certificates side by side, each with its own policy.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use toml::Value;
use url::Url;

use super::setting::Setting;
use crate::domain::Environment;

/// More would make every refused handshake expensive.
const MOST: usize = 32;
/// In seconds.
const REFRESH: std::ops::RangeInclusive<u32> = 1..=604_800;
const REFRESH_BY_DEFAULT: u32 = 3_600;
/// The name of the authority that `tls.client_ca_files` makes.
const SHORT_FORM: &str = "default";

/// One authority: a client's path is built and judged with what stands here alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthority {
    /// What logs, metrics and errors call it.
    pub name: String,
    /// Which registrations it vouches for.
    pub environment: Environment,
    /// PEM: the certificates at which a path may end.
    pub ca_files: Vec<PathBuf>,
    /// PEM: issuers that clients forget to send; a path leads through them, and does not end there.
    pub intermediate_files: Vec<PathBuf>,
    /// Revocation lists, in PEM or DER.
    pub crls: Vec<CrlSource>,
    /// What it means that none of the lists covers a certificate.
    pub without_crl: InDoubt,
    /// What it means that the list which covers it is due for renewal.
    pub expired_crl: InDoubt,
    /// How often lists are fetched.
    pub crl_refresh: Duration,
}

/// Where a revocation list is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CrlSource {
    /// In a file, which is looked at with the others.
    File(PathBuf),
    /// At an http or https URL.
    Url(Url),
}

/// What happens to a client of which nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InDoubt {
    /// It is refused.
    #[default]
    Refuse,
    /// It comes in.
    Accept,
}

/// All that are configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientAuthorities(pub Vec<ClientAuthority>);

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    environment: Option<String>,
    ca_files: Vec<PathBuf>,
    #[serde(default)]
    intermediate_files: Vec<PathBuf>,
    #[serde(default)]
    crls: Vec<String>,
    without_crl: Option<InDoubt>,
    expired_crl: Option<InDoubt>,
    crl_refresh_seconds: Option<u32>,
}

impl ClientAuthority {
    /// What `tls.client_ca_files` is short for.
    pub fn simple(ca_files: Vec<PathBuf>) -> Self {
        Self {
            name: SHORT_FORM.to_owned(),
            environment: Environment::default(),
            ca_files,
            intermediate_files: Vec::new(),
            crls: Vec::new(),
            without_crl: InDoubt::Refuse,
            expired_crl: InDoubt::Refuse,
            crl_refresh: Duration::from_secs(REFRESH_BY_DEFAULT.into()),
        }
    }

    /// The files of it, lists included.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let lists = self.crls.iter().filter_map(|source| match source {
            CrlSource::File(file) => Some(file),
            CrlSource::Url(_) => None,
        });
        self.ca_files.iter().chain(&self.intermediate_files).chain(lists)
    }

    fn read(value: &Value) -> Result<Self, String> {
        let written =
            Written::deserialize(value.clone()).map_err(|error| error.to_string().trim().replace('\n', ", "))?;
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=32).contains(&written.name.len()) || !written.name.bytes().all(is_allowed) {
            return Err("`name`: expected 1 to 32 lower-case letters, digits and hyphens".to_owned());
        }
        if written.name == SHORT_FORM {
            return Err(format!("`name`: {SHORT_FORM:?} is the name of those in `tls.client_ca_files`"));
        }
        let environment = written.environment.map(|text| text.parse()).transpose();
        let environment = environment.map_err(|error| format!("`environment`: {error}"))?;
        if written.ca_files.is_empty() {
            return Err("`ca_files`: expected at least one path".to_owned());
        }
        let crls = written.crls.iter().map(|text| source(text).map_err(|rule| format!("`crls`: {rule}")));
        let crls = crls.collect::<Result<Vec<_>, _>>()?;
        let depends = [
            ("without_crl", written.without_crl.is_some()),
            ("expired_crl", written.expired_crl.is_some()),
            ("crl_refresh_seconds", written.crl_refresh_seconds.is_some()),
        ];
        if let Some((key, _)) = depends.iter().find(|(_, is_set)| *is_set && crls.is_empty()) {
            return Err(format!("`{key}` says something of `crls`, and there are none"));
        }
        let refresh = written.crl_refresh_seconds.unwrap_or(REFRESH_BY_DEFAULT);
        if !REFRESH.contains(&refresh) {
            let (least, most) = REFRESH.into_inner();
            return Err(format!("`crl_refresh_seconds`: expected {least} to {most}, received {refresh}"));
        }
        Ok(Self {
            name: written.name,
            environment: environment.unwrap_or_default(),
            ca_files: written.ca_files,
            intermediate_files: written.intermediate_files,
            crls,
            without_crl: written.without_crl.unwrap_or_default(),
            expired_crl: written.expired_crl.unwrap_or_default(),
            crl_refresh: Duration::from_secs(refresh.into()),
        })
    }

    fn show(&self) -> Value {
        let paths = |paths: &[PathBuf]| Value::Array(paths.iter().filter_map(Setting::show).collect());
        let text = |text: &dyn fmt::Display| Value::String(text.to_string());
        let mut table = toml::Table::new();
        table.insert("name".into(), text(&self.name));
        table.insert("environment".into(), text(&self.environment));
        table.insert("ca_files".into(), paths(&self.ca_files));
        table.insert("intermediate_files".into(), paths(&self.intermediate_files));
        if !self.crls.is_empty() {
            table.insert("crls".into(), Value::Array(self.crls.iter().map(|source| text(source)).collect()));
            table.insert("without_crl".into(), text(&self.without_crl));
            table.insert("expired_crl".into(), text(&self.expired_crl));
            let refresh = i64::try_from(self.crl_refresh.as_secs()).unwrap_or(i64::MAX);
            table.insert("crl_refresh_seconds".into(), Value::Integer(refresh));
        }
        Value::Table(table)
    }

    fn resolve(&mut self, base: &Path) {
        let lists = self.crls.iter_mut().filter_map(|source| match source {
            CrlSource::File(file) => Some(file),
            CrlSource::Url(_) => None,
        });
        self.ca_files.iter_mut().chain(&mut self.intermediate_files).chain(lists).for_each(|file| file.resolve(base));
    }
}

/// A path, or a URL without a password in it.
fn source(text: &str) -> Result<CrlSource, String> {
    const EXPECTED: &str = "expected paths, and http or https URLs without a user";
    if !text.contains("://") {
        return Ok(CrlSource::File(text.into()));
    }
    let url = Url::parse(text).map_err(|error| format!("{EXPECTED}: {error}"))?;
    let is_allowed = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if is_allowed { Ok(CrlSource::Url(url)) } else { Err(EXPECTED.to_owned()) }
}

impl Setting for ClientAuthorities {
    fn expected(&self) -> String {
        "tables, see below".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let entries = value
            .as_array()
            .ok_or("expected tables, each headed [[tls.client_authorities]] or [[admin.client_authorities]]")?;
        if entries.len() > MOST {
            return Err(format!("expected at most {MOST} entries, received {}", entries.len()));
        }
        let mut authorities = Vec::new();
        let mut names = BTreeSet::new();
        for (at, entry) in entries.iter().enumerate() {
            let name = entry.get("name").and_then(Value::as_str).map(|name| format!(" ({name:?})")).unwrap_or_default();
            let in_entry = |rule: String| format!("entry {}{name}: {rule}", at + 1);
            let authority = ClientAuthority::read(entry).map_err(in_entry)?;
            if !names.insert(authority.name.clone()) {
                return Err(in_entry("`name`: expected one that no other entry has".to_owned()));
            }
            authorities.push(authority);
        }
        self.0 = authorities;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        (!self.0.is_empty()).then(|| Value::Array(self.0.iter().map(ClientAuthority::show).collect()))
    }

    fn resolve(&mut self, base: &Path) {
        self.0.iter_mut().for_each(|authority| authority.resolve(base));
    }
}

impl fmt::Display for CrlSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Url(url) => f.write_str(url.as_str()),
        }
    }
}

impl fmt::Display for InDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::Accept => "accept",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<ClientAuthorities, String> {
        let mut authorities = ClientAuthorities::default();
        let table = toml::from_str::<toml::Table>(toml).unwrap();
        authorities.read(&table["a"]).map(|()| authorities)
    }

    #[test]
    fn an_entry_is_read_with_its_defaults_and_shown_so_that_it_can_be_read_again() {
        let entry = r#"a = [{ name = "ptl", environment = "test", ca_files = ["ca.pem"], crls = ["a.crl", "http://crl.nhs.uk/c.crl"] }]"#;
        let mut read_once = read(entry).unwrap();
        assert_eq!(read_once.0[0].expired_crl, InDoubt::Refuse);
        assert_eq!(read(&format!("a = {}", read_once.show().unwrap())).unwrap(), read_once);
        read_once.resolve(Path::new("/etc"));
        assert_eq!(read_once.0[0].crls[0], CrlSource::File("/etc/a.crl".into()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_entry_and_its_key() {
        let good = r#"{ name = "good", ca_files = ["ca.pem"] }"#;
        for (entry, expected) in [
            ("3", "entry 2"),
            (r#"{ ca_files = ["a"] }"#, "entry 2: missing field `name`"),
            (r#"{ name = "b" }"#, "entry 2 (\"b\"): missing field `ca_files`"),
            (r#"{ name = "b", ca_files = [] }"#, "`ca_files`: expected at least one path"),
            (r#"{ name = "b", ca_files = "a" }"#, "`ca_files`"),
            (r#"{ name = "b", ca_files = ["a"], colour = 1 }"#, "unknown field `colour`"),
            (r#"{ name = "B B", ca_files = ["a"] }"#, "`name`: expected 1 to 32"),
            (r#"{ name = "default", ca_files = ["a"] }"#, "`name`"),
            (r#"{ name = "good", ca_files = ["a"] }"#, "`name`: expected one that no other entry has"),
            (r#"{ name = "b", ca_files = ["a"], environment = "Live" }"#, "`environment`"),
            (r#"{ name = "b", ca_files = ["a"], crls = ["ldap://crl"] }"#, "`crls`: expected paths, and http"),
            (r#"{ name = "b", ca_files = ["a"], crls = ["http://u:p@crl/"] }"#, "without a user"),
            (r#"{ name = "b", ca_files = ["a"], without_crl = "accept" }"#, "`without_crl` says something of `crls`"),
            (r#"{ name = "b", ca_files = ["a"], crls = ["c"], expired_crl = "maybe" }"#, "`expired_crl`"),
            (
                r#"{ name = "b", ca_files = ["a"], crls = ["c"], crl_refresh_seconds = 0 }"#,
                "`crl_refresh_seconds`: expected 1",
            ),
        ] {
            let refusal = read(&format!("a = [{good}, {entry}]")).unwrap_err();
            assert!(refusal.starts_with("entry 2") && refusal.contains(expected), "{entry}: {refusal}");
        }
        assert!(read(&format!("a = {good}")).unwrap_err().contains("[[tls.client_authorities]]"));
    }
}

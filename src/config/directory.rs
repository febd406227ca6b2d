//! `[directory]`: where the Spine Directory Service is, and what follows from what it says.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use rustls_pki_types::ServerName;
use toml::Value;

use super::{LoadedConfig, Problem, setting::Setting};

const EXPECTED: &str = "ldaps://HOST[:PORT], or ldap://HOST[:PORT] without TLS";

/// The address of an LDAP server, with TLS from the first octet or without any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUrl {
    name: ServerName<'static>,
    port: u16,
    tls: bool,
}

/// The entry of a directory below which searches begin: an LDAP name (RFC 4514).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseName(Box<str>);

/// What the check does with a registration that the directory contradicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDrift {
    /// It says so.
    Report,
    /// It says so, and suspends the registration.
    Suspend,
}

impl DirectoryUrl {
    /// Accepts scheme, host and port; nothing else has a meaning here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {EXPECTED}");
        let (tls, rest) = match text.split_once("://") {
            Some(("ldaps", rest)) => (true, rest),
            Some(("ldap", rest)) => (false, rest),
            _ => return Err(wrong()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) if host.parse::<Ipv6Addr>().is_ok() => (host, port),
            Some(_) => return Err(wrong()),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?
            }
            None if port.is_empty() => {
                if tls {
                    636
                } else {
                    389
                }
            }
            _ => return Err(wrong()),
        };
        let name = ServerName::try_from(host.to_ascii_lowercase()).map_err(|_| wrong())?;
        Ok(Self { name, port, tls })
    }

    /// Whether the connection begins with a TLS handshake.
    pub fn has_tls(&self) -> bool {
        self.tls
    }

    /// What its certificate must name.
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.name
    }

    /// The host as the resolver takes it, and the port.
    pub fn address(&self) -> (String, u16) {
        (self.name.to_str().into_owned(), self.port)
    }

    fn is_loopback(&self) -> bool {
        match &self.name {
            ServerName::IpAddress(address) => IpAddr::from(*address).is_loopback(),
            name => name.to_str() == "localhost",
        }
    }
}

impl fmt::Display for DirectoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (if self.tls { "ldaps" } else { "ldap" }, self.name.to_str());
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.into_owned() };
        write!(f, "{scheme}://{bracketed}:{}", self.port)
    }
}

impl BaseName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BaseName {
    fn default() -> Self {
        Self("ou=Services,o=nhs".into())
    }
}

impl LoadedConfig {
    /// The rules between keys of the section.
    pub(super) fn check_directory(&self, problems: &mut Vec<Problem>) {
        let directory = &self.config.directory;
        let mut refuse = |key: &str, sentence: String| {
            problems.push(Problem { place: self.place(key), key: Some(key.to_owned()), sentence });
        };
        if let Some(url) = directory.url.as_ref().filter(|url| !url.has_tls() && !url.is_loopback())
            && !directory.allow_plain_ldap_beyond_loopback
        {
            refuse(
                "directory.url",
                format!(
                    "`directory.url` is {url}: whoever is on the way could change its answers; expected ldaps://, or \
                     `directory.allow_plain_ldap_beyond_loopback = true`"
                ),
            );
        }
        let alone = match (&directory.certificate_file, &directory.key_file) {
            (Some(_), None) => Some(("directory.certificate_file", "directory.key_file")),
            (None, Some(_)) => Some(("directory.key_file", "directory.certificate_file")),
            _ => None,
        };
        if let Some((set, missing)) = alone {
            refuse(set, format!("`{set}` is set without `{missing}`; expected both, or neither"));
        }
    }
}

impl Setting for Option<DirectoryUrl> {
    fn expected(&self) -> String {
        EXPECTED.to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let text = value.as_str().ok_or_else(|| format!("expected {EXPECTED}"))?;
        *self = Some(DirectoryUrl::parse(text)?);
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        self.as_ref().map(|url| Value::String(url.to_string()))
    }
}

impl Setting for BaseName {
    fn expected(&self) -> String {
        "the name of an entry, such as ou=Services,o=nhs".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let is_name = |text: &&str| text.len() <= 255 && text.contains('=') && !text.contains(char::is_control);
        let text = value.as_str().filter(is_name).ok_or_else(|| format!("expected {}", self.expected()))?;
        *self = Self(text.into());
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.as_str().to_owned()))
    }
}

impl Setting for OnDrift {
    fn expected(&self) -> String {
        "\"report\" or \"suspend\"".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        *self = match value.as_str() {
            Some("report") => Self::Report,
            Some("suspend") => Self::Suspend,
            _ => return Err(format!("expected {}", self.expected())),
        };
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        let name = match self {
            Self::Report => "report",
            Self::Suspend => "suspend",
        };
        Some(Value::String(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_scheme_host_and_port() {
        for (text, shown, is_loopback) in [
            ("ldaps://ldap.vn03.national.ncrs.nhs.uk", "ldaps://ldap.vn03.national.ncrs.nhs.uk:636", false),
            ("ldap://192.168.128.11/", "ldap://192.168.128.11:389", false),
            ("ldap://LocalHost:3389", "ldap://localhost:3389", true),
            ("ldap://127.0.0.2", "ldap://127.0.0.2:389", true),
            ("ldaps://[::1]:1636", "ldaps://[::1]:1636", true),
        ] {
            let url = DirectoryUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.is_loopback()), (shown, is_loopback));
            assert_eq!(DirectoryUrl::parse(&url.to_string()).unwrap(), url);
        }
    }

    #[test]
    fn refuses_what_is_no_address_of_a_directory() {
        for text in [
            "",
            "ldap",
            "ldap://",
            "ldaps://:636",
            "https://directory",
            "ldapi://socket",
            "LDAPS://directory",
            "ldaps://directory/o=nhs",
            "ldaps://directory?a",
            "ldaps://user@directory",
            "ldaps://directory:",
            "ldaps://directory:0",
            "ldaps://directory:+1",
            "ldaps://directory:65536",
            "ldaps://directory:1:2",
            "ldaps://::1",
            "ldaps://[127.0.0.1]",
            "ldaps://[::1",
            "ldaps://a b",
        ] {
            assert_eq!(DirectoryUrl::parse(text), Err(format!("expected {EXPECTED}")), "{text:?}");
        }
    }
}

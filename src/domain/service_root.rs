//! A provider's service root URL: what a token is for.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// An absolute http(s) URL in the one form in which roots are compared: host in lower case, no default port, no
/// trailing slash; the path's case counts. Spine registers `https` roots; `http` exists in the original Care Connect
/// samples and is the provider's choice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceRoot(Box<str>);

/// Why a text is no service root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{received:?} is not a service root URL: {rule}")]
pub struct InvalidServiceRoot {
    /// What came, cut to 200 characters.
    pub received: String,
    /// What is wrong with it.
    pub rule: &'static str,
}

impl ServiceRoot {
    /// Accepts an absolute URL with a host and nothing beyond the path: no credentials, query or fragment, no dot
    /// segments, no characters that a URL parser would have to mend.
    pub fn parse(text: &str) -> Result<Self, InvalidServiceRoot> {
        let refuse = |rule| InvalidServiceRoot { received: text.chars().take(200).collect(), rule };
        if text.len() > 2000 {
            return Err(refuse("it is longer than 2000 characters"));
        }
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => rest,
            _ => return Err(refuse("it does not begin with https:// or http://")),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        if rest.contains(['?', '#']) {
            return Err(refuse("it has a query or a fragment"));
        }
        if authority.is_empty() {
            return Err(refuse("it names no host"));
        }
        if authority.contains('@') {
            return Err(refuse("it has credentials"));
        }
        if !text.bytes().all(is_url_byte) || authority.contains('%') {
            return Err(refuse("it has characters that are not allowed unescaped"));
        }
        if path.split('/').any(is_dot_segment) || path.contains("//") {
            return Err(refuse("its path has empty or dot segments"));
        }
        let url = Url::parse(text).map_err(|_| refuse("it is not an absolute URL"))?;
        match url.host() {
            Some(Host::Domain(host)) if !host.is_empty() => {}
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => {}
            _ => return Err(refuse("it names no host")),
        }
        Ok(Self(url.as_str().trim_end_matches('/').into()))
    }

    /// The canonical URL, which is the token's `aud`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that its certificate names, without the port.
    pub fn host(&self) -> &str {
        let authority = self.0.split('/').nth(2).unwrap_or_default();
        match authority.rfind(':') {
            Some(colon) if !authority.ends_with(']') => authority.get(..colon).unwrap_or_default(),
            _ => authority,
        }
    }
}

const fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

impl fmt::Display for ServiceRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServiceRoot {
    type Err = InvalidServiceRoot;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        ServiceRoot::parse(text).unwrap().to_string()
    }

    #[test]
    fn the_host_is_without_the_port() {
        for (root, host) in [
            ("https://provider.nhs.uk/A20047", "provider.nhs.uk"),
            ("https://Provider.nhs.uk:8443", "provider.nhs.uk"),
            ("https://[2001:db8::1]:8443/a", "[2001:db8::1]"),
            ("https://[2001:db8::1]/a", "[2001:db8::1]"),
        ] {
            assert_eq!(ServiceRoot::parse(root).unwrap().host(), host);
        }
    }

    #[test]
    fn host_case_default_port_and_trailing_slash_do_not_count() {
        let root = "https://provider.thirdparty.nhs.uk/A20047/STU3/1";
        for same in [
            "https://provider.thirdparty.nhs.uk/A20047/STU3/1/",
            "HTTPS://Provider.ThirdParty.nhs.uk/A20047/STU3/1",
            "https://provider.thirdparty.nhs.uk:443/A20047/STU3/1",
        ] {
            assert_eq!(canonical(same), root);
        }
        assert_eq!(canonical("https://provider.nhs.uk/"), "https://provider.nhs.uk");
    }

    #[test]
    fn path_case_other_ports_and_the_scheme_count() {
        let root = canonical("https://provider.nhs.uk/STU3/1");
        for other in [
            "https://provider.nhs.uk/stu3/1",
            "https://provider.nhs.uk:8443/STU3/1",
            "http://provider.nhs.uk:443/STU3/1",
            "https://provider.nhs.uk/STU3/1/x",
        ] {
            assert_ne!(canonical(other), root);
        }
    }

    #[test]
    fn refuses_what_two_readers_could_take_for_two_things() {
        for text in [
            "",
            "provider.nhs.uk",
            "/STU3/1",
            "ftp://provider.nhs.uk",
            "file:///etc/passwd",
            "https://",
            "https://u:p@provider.nhs.uk",
            "https://provider.nhs.uk/a?b",
            "https://provider.nhs.uk/a#b",
            "https://provider.nhs.uk/a/../b",
            "https://provider.nhs.uk/a/%2E%2e/b",
            "https://provider.nhs.uk//a",
            "https://provider.nhs.uk\\@evil",
            "https://provider.nhs.uk/a b",
            "https://prövider.nhs.uk/",
            "https://provider.nhs.uk/\n",
            "https:///provider.nhs.uk",
            "https://provider.nhs.uk:99999/",
        ] {
            assert!(ServiceRoot::parse(text).is_err(), "{text:?}");
        }
    }
}

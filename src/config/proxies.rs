//! `[[proxies]]`: who may pass on the certificate of somebody else, in which form, and how it proves itself.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use super::{networks::Network, setting::Setting, tables::Table};
use crate::domain::{CertificateThumbprint, DnsName, Environment};

/// A proxy in front of this server that ends TLS and passes the client's certificate on in a header.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// What it is called in the log.
    pub name: String,
    /// How it writes certificates.
    pub format: ForwardedFormat,
    /// Thumbprints of its own client certificate: one, or during its renewal two.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub certificate: Vec<String>,
    /// Instead: a DNS name in its own client certificate, which is of a configured authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_dns: Option<String>,
    /// The environment of the authority that must vouch for that certificate, unless it signs itself: `live` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Instead: from where it comes, together with a shared key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Network>,
    /// The shared keys, one a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_key_file: Option<PathBuf>,
    /// In which header the shared key comes.
    #[serde(default = "proxy_key", skip_serializing_if = "is_proxy_key")]
    pub shared_key_header: String,
    /// In which header the certificate comes; its usual one unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_header: Option<String>,
    /// In which header the certificates of issuers come, in forms that have one for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_header: Option<String>,
    /// The header whose last element is the address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address_header: Option<String>,
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a thumbprint, or a list of them")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(one) => vec![one],
        OneOrMore::More(more) => more,
    })
}

fn proxy_key() -> String {
    "proxy-key".to_owned()
}

fn is_proxy_key(name: &String) -> bool {
    *name == proxy_key()
}

/// How a proxy writes certificates into headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForwardedFormat {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    Rfc9440,
    /// `$ssl_client_escaped_cert`: PEM, percent-encoded.
    Nginx,
    /// `X-Forwarded-Client-Cert`: `Cert=` and `Chain=`, PEM, percent-encoded.
    Envoy,
    /// `ssl_c_der` and `ssl_c_chain_der`: DER in base64.
    Haproxy,
    /// `%{SSL_CLIENT_CERT}s`: PEM with spaces instead of line ends.
    Apache,
    /// `passTLSClientCert`: the base64 of PEM, certificates separated by commas.
    Traefik,
    /// Application Load Balancer: PEM of the whole chain, percent-encoded.
    Alb,
}

impl ForwardedFormat {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Rfc9440, Self::Nginx, Self::Envoy, Self::Haproxy, Self::Apache, Self::Traefik, Self::Alb];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc9440 => "rfc9440",
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
            Self::Haproxy => "haproxy",
            Self::Apache => "apache",
            Self::Traefik => "traefik",
            Self::Alb => "alb",
        }
    }

    /// The header that usually has the certificate.
    pub const fn certificate_header(self) -> &'static str {
        match self {
            Self::Rfc9440 => "client-cert",
            Self::Nginx => "x-ssl-client-cert",
            Self::Envoy => "x-forwarded-client-cert",
            Self::Haproxy => "x-ssl-client-der",
            Self::Apache => "ssl_client_cert",
            Self::Traefik => "x-forwarded-tls-client-cert",
            Self::Alb => "x-amzn-mtls-clientcert",
        }
    }

    /// The header that usually has the certificates of issuers, if they have one of their own.
    pub const fn chain_header(self) -> Option<&'static str> {
        match self {
            Self::Rfc9440 => Some("client-cert-chain"),
            Self::Haproxy => Some("x-ssl-client-chain-der"),
            Self::Apache => Some("ssl_client_cert_chain"),
            Self::Nginx | Self::Envoy | Self::Traefik | Self::Alb => None,
        }
    }
}

impl Proxy {
    /// The header that has the certificate.
    pub fn certificate_header(&self) -> &str {
        self.certificate_header.as_deref().unwrap_or_else(|| self.format.certificate_header())
    }

    /// The header that has the certificates of issuers, if they have one of their own.
    pub fn chain_header(&self) -> Option<&str> {
        self.chain_header.as_deref().or_else(|| self.format.chain_header())
    }

    /// Thumbprints of its own certificate.
    pub fn thumbprints(&self) -> Result<Vec<CertificateThumbprint>, String> {
        let parse = |text: &String| text.parse().map_err(|error| format!("`certificate`: {error}"));
        self.certificate.iter().map(parse).collect()
    }

    /// The DNS name in its own certificate.
    pub fn dns_name(&self) -> Result<Option<DnsName>, String> {
        let name = self.certificate_dns.as_deref().map(str::parse);
        name.transpose().map_err(|error| format!("`certificate_dns`: {error}"))
    }

    /// The environment of the authority that must vouch for its own certificate.
    pub fn environment(&self) -> Result<Environment, String> {
        let environment = self.environment.as_deref().map(str::parse).transpose();
        environment.map(Option::unwrap_or_default).map_err(|error| format!("`environment`: {error}"))
    }

    fn headers(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("certificate_header", Some(self.certificate_header())),
            ("chain_header", self.chain_header()),
            ("shared_key_header", Some(&self.shared_key_header)),
            ("client_address_header", self.client_address_header.as_deref()),
        ]
    }

    fn check_headers(&self) -> Result<(), String> {
        if self.chain_header.is_some() && self.format.chain_header().is_none() {
            return Err(format!("`chain_header` is set; the format {:?} has the chain elsewhere", self.format.name()));
        }
        let mut seen: Vec<&str> = Vec::new();
        for (key, name) in self.headers() {
            let Some(name) = name else { continue };
            let is_token =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(format!(
                    "`{key}` is {name:?}; expected the name of a header in lower case, such as \"x-client-cert\""
                ));
            }
            if TAKEN.contains(&name) || seen.contains(&name) {
                return Err(format!("`{key}` is {name:?}, which has another use; expected a header of its own"));
            }
            seen.push(name);
        }
        Ok(())
    }
}

/// Headers that a request needs for something else.
const TAKEN: &[&str] = &["authorization", "connection", "content-length", "content-type", "host", "transfer-encoding"];

impl Table for Proxy {
    const EXPECTED: &'static str = "tables `[[proxies]]` with the keys `name`, `format`, and one of `certificate`, \
                                    `certificate_dns`, or `addresses` with `shared_key_file`";

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), String> {
        self.thumbprints()?;
        self.dns_name()?;
        self.environment()?;
        let ways = [!self.certificate.is_empty(), self.certificate_dns.is_some(), !self.addresses.is_empty()];
        if ways.iter().filter(|is_set| **is_set).count() != 1 {
            return Err("expected exactly one of `certificate`, `certificate_dns`, or `addresses` with \
                        `shared_key_file`: how the proxy proves itself"
                .to_owned());
        }
        if self.addresses.is_empty() != self.shared_key_file.is_none() {
            return Err(
                "expected `addresses` and `shared_key_file` together: an address alone proves nothing".to_owned()
            );
        }
        self.check_headers()
    }

    fn resolve(&mut self, base: &Path) {
        self.shared_key_file.iter_mut().for_each(|file| file.resolve(base));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<(), String> {
        let text = format!("name = 'front'\nformat = 'nginx'\n{toml}");
        toml::from_str::<Proxy>(&text).map_err(|error| error.message().to_owned())?.check()
    }

    #[test]
    fn a_proxy_proves_itself_in_exactly_one_way_and_an_address_alone_is_none() {
        let thumbprint = "certificate = ['00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff']\n";
        let name = "certificate_dns = 'proxy.nhs.uk'\n";
        let key = "addresses = ['10.0.0.0/8']\nshared_key_file = 'key'\n";
        let one = thumbprint.replace(['[', ']'], "");
        for good in [thumbprint, &one, name, key] {
            check(good).unwrap();
        }
        for bad in ["", &format!("{thumbprint}{name}"), &format!("{name}{key}")] {
            assert!(check(bad).unwrap_err().starts_with("expected exactly one of"), "{bad}");
        }
        for bad in ["addresses = ['10.0.0.0/8']", &format!("{name}shared_key_file = 'key'")] {
            let sentence = check(bad).unwrap_err();
            assert!(sentence.contains("an address alone proves nothing"), "{bad}: {sentence}");
        }
    }

    #[test]
    fn what_is_no_thumbprint_name_network_format_or_header_is_refused_by_its_key() {
        for (bad, key) in [
            ("certificate = ['abc']", "`certificate`"),
            ("certificate_dns = '*.nhs.uk'", "`certificate_dns`"),
            ("certificate_dns = 'a.nhs.uk'\nenvironment = 'Live'", "`environment`"),
            ("addresses = ['10.0.0.0/40']\nshared_key_file = 'key'", "10.0.0.0/40"),
            ("certificate_dns = 'a.nhs.uk'\ncertificate_header = 'X Cert'", "`certificate_header`"),
            ("certificate_dns = 'a.nhs.uk'\ncertificate_header = 'authorization'", "`certificate_header`"),
            ("certificate_dns = 'a.nhs.uk'\nclient_address_header = 'x-ssl-client-cert'", "`client_address_header`"),
            ("certificate_dns = 'a.nhs.uk'\nchain_header = 'x-chain'", "`chain_header`"),
            ("certificate_dns = 'a.nhs.uk'\nkind = 'nginx'", "unknown field `kind`"),
        ] {
            let sentence = check(bad).unwrap_err();
            assert!(sentence.contains(key), "{bad}: {sentence}");
        }
    }

    #[test]
    fn the_names_of_formats_are_those_that_are_read() {
        for format in ForwardedFormat::ALL {
            let read: ForwardedFormat = toml::Value::String(format.name().to_owned()).try_into().unwrap();
            assert_eq!(read, format);
        }
    }
}

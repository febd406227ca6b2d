//! `[admin]`: who administers, by which certificate, and whether there is a listener for them.

use std::{net::SocketAddr, path::Path};

use serde::{Deserialize, Serialize};

use super::{Config, Problem, client_authorities::ClientAuthority, sections::Admin, tables::Table};
use crate::domain::{CertificateIdentity, DisplayName, Role};

/// The name of the authority that `admin.client_ca_files` makes.
const SHORT_FORM: &str = "admin";

/// Somebody, or something, that administers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Administrator {
    /// What the audit record and the log call them.
    pub name: String,
    /// What they may do; whoever has a role may read.
    pub roles: Vec<Role>,
    /// A DNS name in their certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub san_dns: Option<String>,
    /// Instead: a URI in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub san_uri: Option<String>,
    /// Instead: its subject (RFC 4514).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_dn: Option<String>,
    /// Instead: the SHA-256 thumbprint of that one certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
}

impl Administrator {
    /// By what their certificate is recognised.
    pub fn identity(&self) -> Result<CertificateIdentity, String> {
        let kinds = [
            ("san_dns", &self.san_dns),
            ("san_uri", &self.san_uri),
            ("subject_dn", &self.subject_dn),
            ("thumbprint", &self.thumbprint),
        ];
        let mut given = kinds.into_iter().filter_map(|(kind, value)| Some((kind, value.as_deref()?)));
        let (Some((kind, value)), None) = (given.next(), given.next()) else {
            return Err("expected exactly one of `san_dns`, `san_uri`, `subject_dn` and `thumbprint`".to_owned());
        };
        CertificateIdentity::parse(kind, value).map_err(|error| format!("`{kind}`: {error}"))
    }
}

impl Table for Administrator {
    const EXPECTED: &'static str = "tables `[[admin.administrators]]` with the keys `name`, `roles`, and one of `san_dns`, \
                                    `san_uri`, `subject_dn` and `thumbprint`";

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), String> {
        self.name.parse::<DisplayName>().map_err(|error| format!("`name`: {error}"))?;
        if self.roles.is_empty() {
            return Err("`roles` is empty; expected some of \"viewer\", \"editor\" and \"approver\"".to_owned());
        }
        self.identity().map(drop)
    }
}

/// The admin listener, if there is to be one.
#[derive(Debug, Clone, Copy)]
pub struct AdminListener<'a> {
    /// `admin.listen`
    pub listen: SocketAddr,
    /// `admin.certificate_file`, or that of the public listener.
    pub certificate_file: &'a Path,
    /// `admin.key_file`, or that of the public listener.
    pub key_file: &'a Path,
}

impl Admin {
    /// Every authority of administrators, the short form first.
    pub fn all_client_authorities(&self) -> Vec<ClientAuthority> {
        let short =
            ClientAuthority { name: SHORT_FORM.to_owned(), ..ClientAuthority::simple(self.client_ca_files.clone()) };
        let short = (!self.client_ca_files.is_empty()).then_some(short);
        short.into_iter().chain(self.client_authorities.0.iter().cloned()).collect()
    }

    /// The listener, which is there when there is an authority to vouch for administrators. `certificate_file` and
    /// `key_file` are those of the public listener.
    pub(super) fn listener<'a>(&'a self, certificate_file: &'a Path, key_file: &'a Path) -> Option<AdminListener<'a>> {
        let own = self.certificate_file.as_deref().zip(self.key_file.as_deref());
        let (certificate_file, key_file) = own.unwrap_or((certificate_file, key_file));
        let is_wanted = !self.all_client_authorities().is_empty();
        is_wanted.then_some(AdminListener { listen: self.listen, certificate_file, key_file })
    }
}

/// What is wrong with the section as a whole, for `serve`.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let admin = &config.admin;
    let mut problems = Vec::new();
    let mut refuse = |key: &str, sentence: String| problems.push(Problem::of_key(key, sentence));
    if admin.certificate_file.is_some() != admin.key_file.is_some() {
        let sentence = "`admin.certificate_file` and `admin.key_file` belong together; expected both, or none for those of \
                        `[tls]`";
        refuse("admin.certificate_file", sentence.to_owned());
    }
    let authorities = admin.all_client_authorities();
    let administrators: Vec<_> = admin.administrators.iter().collect();
    if authorities.is_empty() != administrators.is_empty() {
        let sentence = "`admin.administrators` and an authority for their certificates (`admin.client_ca_files` or \
                        `[[admin.client_authorities]]`) belong together; expected both, or none for no admin API";
        refuse("admin.administrators", sentence.to_owned());
    }
    for (at, one) in administrators.iter().enumerate() {
        let same = |other: &&&super::Administrator| other.identity() == one.identity();
        if let Some(other) = administrators.iter().take(at).find(same) {
            let sentence = format!(
                "`admin.administrators`: {:?} and {:?} have the same certificate identity; expected one of their own",
                other.name, one.name
            );
            refuse("admin.administrators", sentence);
        }
    }
    let of_consumers = config.tls.all_client_authorities();
    for authority in authorities.iter().filter(|one| of_consumers.iter().any(|other| other.name == one.name)) {
        let sentence = format!(
            "`admin.client_authorities`: {:?} is the name of an authority of consumers, too; expected one of its own",
            authority.name
        );
        refuse("admin.client_authorities", sentence);
    }
    if !authorities.is_empty() && (admin.listen == config.listen || Some(admin.listen) == config.metrics.listen.0) {
        let sentence = format!("another listener has {}, too; expected a port of its own", admin.listen);
        refuse("admin.listen", format!("`admin.listen`: {sentence}"));
    }
    problems
}

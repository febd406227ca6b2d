//! The keys that have no default and that `serve` cannot do without.

use std::path::Path;

use super::{AdminListener, Config, ConfigError, Issuer, Problem, admin};

/// The part of a configuration that `serve` needs and other commands do not.
#[derive(Debug, Clone, Copy)]
pub struct Serving<'a> {
    /// `issuer`
    pub issuer: &'a Issuer,
    /// `tls.certificate_file`
    pub certificate_file: &'a Path,
    /// `tls.key_file`
    pub key_file: &'a Path,
    /// `[admin]`, if there is to be an admin API.
    pub admin: Option<AdminListener<'a>>,
}

impl Config {
    /// The keys that `serve` needs, or every one that is missing.
    pub fn serving(&self) -> Result<Serving<'_>, ConfigError> {
        if let (Some(issuer), Some(certificate_file), Some(key_file)) =
            (&self.issuer, &self.tls.certificate_file, &self.tls.key_file)
        {
            let mut problems = admin::problems(self);
            if self.metrics.listen.0 == Some(self.listen) {
                let sentence = format!("`metrics.listen` is {} as well; expected a port of its own", self.listen);
                problems.push(Problem::of_key("metrics.listen", sentence));
            }
            ConfigError::unless_empty(problems)?;
            let admin = self.admin.listener(certificate_file, key_file);
            return Ok(Serving { issuer, certificate_file, key_file, admin });
        }
        let missing = [
            ("issuer", self.issuer.is_none(), "an https URL, such as https://auth.example.nhs.uk/careconnect"),
            ("tls.certificate_file", self.tls.certificate_file.is_none(), "the path of a PEM file"),
            ("tls.key_file", self.tls.key_file.is_none(), "the path of a PEM file"),
        ];
        let problems = missing.iter().filter(|(_, missing, _)| *missing).map(|(key, _, expected)| {
            Problem::of_key(key, format!("`{key}` is not set, and the server needs it; expected {expected}"))
        });
        Err(ConfigError { problems: problems.collect() })
    }
}

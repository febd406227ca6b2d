//! From the gateway's file to a configuration that makes sense.

use std::{
    fs,
    path::{Path, PathBuf},
};

use careconnect_verifier::{SearchFilterMode, SspRules};

use super::{AskingProxy, GatewayConfig, SspSection};
use crate::config::Log;

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayConfigError {
    /// The file is not there, or not to be read.
    #[error("{file}: cannot be read: {source}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, or a key is missing, unknown or wrong.
    #[error("{file}: {sentence}")]
    Wrong {
        /// Which.
        file: String,
        /// What, and where.
        sentence: String,
    },
}

impl GatewayConfig {
    /// Reads `file`.
    pub fn load(file: &Path) -> Result<Self, GatewayConfigError> {
        let name = file.display().to_string();
        let text =
            fs::read_to_string(file).map_err(|source| GatewayConfigError::Unreadable { file: name.clone(), source })?;
        let wrong = |sentence: String| GatewayConfigError::Wrong { file: name.clone(), sentence };
        let mut config: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        config.check().map_err(|sentence| wrong(sentence.to_owned()))?;
        config.resolve_paths(file.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The rules for the headers of the SSP.
    pub fn ssp_rules(&self) -> SspRules {
        let SspSection { from, to, interaction, trace_id } = self.ssp;
        SspRules { from, to, interaction, trace_id }
    }

    /// What is logged, and how.
    pub fn log(&self) -> Log {
        Log { format: self.log.format, level: self.log.level.clone() }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.reverse_proxy.is_none() && self.forward_auth.is_none() {
            return Err("expected a section [reverse_proxy] or [forward_auth], received neither");
        }
        if let Some(proxy) = &self.reverse_proxy
            && !proxy.listen.ip().is_loopback()
            && proxy.tls.is_none()
            && !proxy.dangerously_allow_plain_http_beyond_loopback
        {
            return Err(
                "`reverse_proxy.listen` is an address that other machines can reach: expected [reverse_proxy.tls], \
                        a loopback address, or `dangerously_allow_plain_http_beyond_loopback = true`",
            );
        }
        if let Some(endpoint) = &self.forward_auth
            && !endpoint.listen.ip().is_loopback()
            && !endpoint.dangerously_allow_beyond_loopback
        {
            return Err(
                "`forward_auth.listen` is an address that other machines can reach: expected a loopback address, or \
                        `dangerously_allow_beyond_loopback = true`",
            );
        }
        if self.forward_auth.as_ref().is_some_and(|endpoint| endpoint.proxy != AskingProxy::Nginx)
            && self.search_filter == SearchFilterMode::Replace
        {
            return Err(
                "`search_filter = \"replace\"` needs a proxy that takes the new query, which Envoy and Traefik do not: \
                        expected \"refuse\", or [reverse_proxy]",
            );
        }
        Ok(())
    }

    fn resolve_paths(&mut self, base: &Path) {
        let keys = &mut self.keys;
        let mut files: Vec<&mut PathBuf> =
            keys.certificate_authority_file.iter_mut().chain(&mut keys.snapshot_file).collect();
        if let Some(proxy) = &mut self.reverse_proxy {
            files.extend(&mut proxy.backend_authority_file);
            if let Some(tls) = &mut proxy.tls {
                files.extend([&mut tls.certificate_file, &mut tls.key_file]);
                files.extend(&mut tls.client_ca_files);
            }
        }
        for file in files {
            *file = base.join(&*file);
        }
    }
}

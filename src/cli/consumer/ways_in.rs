//! The ways in that an administrator can name, when a service is registered and later.

use std::path::PathBuf;

use careconnect_verifier::Algorithm;
use clap::Args;

use crate::{
    authentication::key_import::{KeyHints, keys_in},
    cli::{certificate_arguments::CertificateArguments, certificate_file, output::BadInput, session::Session},
    domain::{CredentialKind, KeySetUri, key_set_address::Permitted},
};

/// Ways in beside a secret.
#[derive(Debug, Args)]
pub(in crate::cli) struct WaysIn {
    #[command(flatten)]
    certificates: CertificateArguments,
    /// Accept assertions signed with the key in this file: a JWK or JWK set, or a public key or certificate in PEM.
    /// Repeatable.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// The algorithm of RSA keys that do not say it: RS256, RS384, RS512, PS256, PS384 or PS512.
    #[arg(long, value_name = "ALG", requires = "key", value_parser = Algorithm::parse_for_assertions)]
    key_algorithm: Option<Algorithm>,
    /// The `kid` of a key that does not say it; otherwise it is named by its thumbprint (RFC 7638).
    #[arg(long, value_name = "KID", requires = "key")]
    key_id: Option<String>,
    /// Accept assertions signed with the keys that the consumer publishes at this https address. Repeatable.
    #[arg(long, value_name = "URL")]
    jwks_uri: Vec<KeySetUri>,
}

impl WaysIn {
    /// What they mean, with warnings about certificates that no listener would accept now.
    pub(in crate::cli) fn read(self, session: &Session) -> anyhow::Result<Vec<CredentialKind>> {
        let certificates = self.certificates.read(session.now())?;
        let mut kinds: Vec<_> = certificates.into_iter().map(CredentialKind::Certificate).collect();
        let hints = KeyHints { algorithm: self.key_algorithm, key_id: self.key_id };
        for file in self.key {
            let content = certificate_file::read(&file)?;
            let keys = keys_in(&content, &hints).map_err(|why| BadInput(format!("{}: {why}", file.display())))?;
            kinds.extend(keys.into_iter().map(CredentialKind::Key));
        }
        for uri in &self.jwks_uri {
            let private = session.load_config()?.config.assertions.allow_private_jwks_addresses;
            Permitted { private }.check_host(uri).map_err(|why| BadInput(format!("{uri}: {why}")))?;
        }
        kinds.extend(self.jwks_uri.into_iter().map(CredentialKind::KeySet));
        Ok(kinds)
    }
}

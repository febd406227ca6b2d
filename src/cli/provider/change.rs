//! `careconnect-auth provider change`

use std::process::ExitCode;

use careconnect_verifier::{Algorithm, Asid, OdsCode};
use clap::{ArgAction, Args};

use super::{edit, register::require_key};
use crate::{
    cli::{certificate_arguments::CertificateArguments, output::BadInput, session::Session},
    domain::{ClaimsProfile, DisplayName, ProviderSystem, RegisteredCertificate, ServiceRoot, TokenLifetime},
};

/// What shall be otherwise.
#[derive(Debug, Args)]
pub(in crate::cli) struct Changes {
    /// Its accredited system: 12 digits.
    asid: Asid,
    /// What people call it.
    #[arg(long)]
    name: Option<DisplayName>,
    /// The organisation that publishes.
    #[arg(long, value_name = "CODE")]
    ods_code: Option<OdsCode>,
    /// Its service root URL, the audience of its tokens from now on.
    #[arg(long, value_name = "URL")]
    service_root: Option<ServiceRoot>,
    /// What its tokens are signed with: ES256, RS256, PS256, ES384 or EdDSA.
    #[arg(long, value_name = "ALGORITHM")]
    signing_algorithm: Option<Algorithm>,
    /// How long its tokens live, in seconds: 1 to 3600.
    #[arg(long, value_name = "SECONDS")]
    token_lifetime: Option<TokenLifetime>,
    /// Whether its tokens name the consumer's certificate, where it came with one: true or false.
    #[arg(long, action = ArgAction::Set, value_name = "BOOLEAN")]
    certificate_bound: Option<bool>,
    /// The shape of its tokens: careconnect or entra.
    #[arg(long, value_name = "PROFILE")]
    claims_profile: Option<ClaimsProfile>,
    /// Forget all its certificates. With other --certificate options, these take the place of those that it had.
    #[arg(long)]
    no_certificates: bool,
    #[command(flatten)]
    certificates: CertificateArguments,
}

impl Changes {
    fn is_empty(&self) -> bool {
        !self.no_certificates
            && self.name.is_none()
            && self.ods_code.is_none()
            && self.service_root.is_none()
            && self.signing_algorithm.is_none()
            && self.token_lifetime.is_none()
            && self.certificate_bound.is_none()
            && self.claims_profile.is_none()
    }
}

pub(super) fn change(changes: Changes, session: &Session) -> anyhow::Result<ExitCode> {
    let certificates = RegisteredCertificate::in_order(changes.certificates.clone().read(session.now())?);
    if changes.is_empty() && certificates.is_empty() {
        let sentence = "nothing to change: give --name, --service-root or another option; --help has them all";
        return Err(BadInput(sentence.to_owned()).into());
    }
    if let Some(algorithm) = changes.signing_algorithm {
        require_key(algorithm, session)?;
    }
    let changed = |before: &ProviderSystem, _| {
        Ok(ProviderSystem {
            name: changes.name.clone().unwrap_or_else(|| before.name.clone()),
            ods_code: changes.ods_code.clone().unwrap_or_else(|| before.ods_code.clone()),
            service_root: changes.service_root.clone().unwrap_or_else(|| before.service_root.clone()),
            signing_algorithm: changes.signing_algorithm.unwrap_or(before.signing_algorithm),
            token_lifetime: changes.token_lifetime.unwrap_or(before.token_lifetime),
            certificate_bound: changes.certificate_bound.unwrap_or(before.certificate_bound),
            claims_profile: changes.claims_profile.unwrap_or(before.claims_profile),
            certificates: match certificates.is_empty() && !changes.no_certificates {
                true => before.certificates.clone(),
                false => certificates.clone(),
            },
            ..before.clone()
        })
    };
    edit("provider.change", &changes.asid, changed, session)
}

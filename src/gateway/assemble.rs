//! From the gateway's file to a guard.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use careconnect_verifier::{
    ProviderGuard, RemoteKeys, RemoteRevocations, Revocations, TokenVerifier, TrustedProxy, UnsignedTokens,
};

use crate::{
    clock::Clock,
    config::{GatewayConfig, RevocationMode, UnsignedSection},
};

/// What judges requests, and the keys that it judges by.
pub(super) struct Assembled {
    pub(super) guard: ProviderGuard,
    pub(super) keys: RemoteKeys,
}

pub(super) fn assemble(config: &GatewayConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Assembled> {
    let time = || {
        let clock = Arc::clone(clock);
        move || clock.now().0
    };
    let issuer = config.issuer.as_str();
    let authority = config.keys.certificate_authority_file.as_deref().map(read).transpose()?;
    let mut keys = RemoteKeys::from_url(format!("{issuer}/.well-known/jwks.json"))
        .serve_stale_for(Duration::from_secs(config.keys.serve_stale_for_seconds))
        .clock(time());
    if let Some(pem) = &authority {
        keys = keys.certificate_authority(pem);
    }
    if let Some(file) = &config.keys.snapshot_file {
        keys = keys.snapshot(file);
    }
    let keys = keys.build()?;
    let mut verifier = TokenVerifier::for_issuer(issuer).audience(config.service_root.as_str()).keys(keys.clone());
    verifier = verifier.clock(time());
    if let Some(algorithms) = &config.algorithms {
        verifier = verifier.algorithms(algorithms);
    }
    if let Some(seconds) = config.leeway_seconds {
        verifier = verifier.leeway(seconds);
    }
    if config.require_bound_tokens {
        verifier = verifier.require_certificate_binding();
    }
    if config.revocations != RevocationMode::Ignore {
        let mut list = RemoteRevocations::from_url(format!("{issuer}/oauth2/revocations"));
        if let Some(pem) = &authority {
            list = list.certificate_authority(pem);
        }
        let mut revocations = Revocations::from(list.build()?);
        if config.revocations == RevocationMode::AcceptWhenStale {
            revocations = revocations.accept_when_stale();
        }
        verifier = verifier.revocations(revocations);
    }
    let guard = ProviderGuard::new(verifier.build()?)
        .asids(config.asids.iter().cloned())
        .interactions(config.interactions.clone())
        .base_path(base_path(config))
        .ssp(config.ssp_rules())
        .end_user_organisation(config.end_user_organisation)
        .response_profile(config.response_profile)
        .search_filter(config.search_filter)
        .trusted_proxies(trusted_proxies(config));
    let guard = match &config.dangerously_admit_unsigned {
        Some(unsigned) => guard.dangerously_admit_unsigned(unsigned_tokens(unsigned)),
        None => guard,
    };
    Ok(Assembled { guard: guard.build()?, keys })
}

fn unsigned_tokens(section: &UnsignedSection) -> UnsignedTokens {
    let tokens = UnsignedTokens::for_interactions(section.interactions.iter().cloned());
    match &section.issuers {
        Some(issuers) => tokens.of_issuers(issuers.iter().cloned()),
        None => tokens,
    }
}

fn base_path(config: &GatewayConfig) -> String {
    let path = || url::Url::parse(config.service_root.as_str()).map(|url| url.path().trim_end_matches('/').to_owned());
    config.base_path.clone().unwrap_or_else(|| path().unwrap_or_default())
}

fn trusted_proxies(config: &GatewayConfig) -> Vec<TrustedProxy> {
    config.reverse_proxy.as_ref().map(|proxy| proxy.trusted_proxies.clone()).unwrap_or_default()
}

pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("{} cannot be read", file.display()))
}

//! The token path without its server: everything that a proof is held against, as `serve` would have it, at one time.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context;
use arc_swap::ArcSwap;

use crate::{
    authentication::{
        AuthenticatedConsumer, AuthenticationFailure, Authenticator,
        client_trust::ClientTrust,
        key_sets::KeySets,
        peer::{PeerCertificate, PeerConnection},
    },
    cli::{output::BadInput, session::configured_database},
    clock::{ManualClock, UnixTime},
    config::LoadedConfig,
    domain::{ConsumerSystem, PresentedCredential},
    registry::Registry,
};

/// What a proof is held against. Nothing that happens in it is written anywhere.
pub(super) struct Rehearsal {
    pub(super) registry: Arc<Registry>,
    pub(super) authenticator: Authenticator,
    pub(super) now: UnixTime,
}

impl Rehearsal {
    /// Reads the register; `trust` says which certificates count, but for those that the register blocks.
    pub(super) async fn prepare(loaded: &LoadedConfig, trust: ClientTrust, now: UnixTime) -> anyhow::Result<Self> {
        let config = &loaded.config;
        let no_issuer = || BadInput(loaded.lacks_file().unwrap_or_else(|| "`issuer` is not set".to_owned()));
        let issuer = config.issuer.clone().ok_or_else(no_issuer)?;
        let clock = Arc::new(ManualClock::at(now));
        let registry = Arc::new(Registry::load(configured_database(loaded).await?, clock.clone()).await?);
        let key_sets = KeySets::open(&config.assertions, clock).context("`assertions.jwks_ca_files`")?;
        let trust = Arc::new(ArcSwap::from_pointee(trust.less_blocked(registry.blocks())));
        let authenticator = Authenticator::new(&config.limits, issuer, trust, Arc::new(key_sets));
        Ok(Self { registry, authenticator, now })
    }

    /// Judges a proof as the token endpoint does.
    pub(super) async fn authenticate(
        &self,
        client_id: Option<String>,
        credential: PresentedCredential,
        registered: Option<Arc<ConsumerSystem>>,
        certificate: Option<Arc<PeerCertificate>>,
    ) -> Result<AuthenticatedConsumer, AuthenticationFailure> {
        let peer = PeerConnection { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), certificate };
        self.authenticator.authenticate(client_id.as_deref(), &credential, registered, &peer, self.now).await
    }
}

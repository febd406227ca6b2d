//! The TLS set-ups of a server: that of consumers and providers, and that of administrators, if there is one.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{ClientAuthentication, TlsError, TlsFiles, tls::ReloadableTls, tls_files::check_apart};
use crate::{
    authentication::client_trust::IsBlocked,
    blocking::blocking,
    clock::Clock,
    config::{Config, Serving},
    expiries::Expiry,
};

/// One for each TLS listener.
pub(super) struct Listeners {
    pub(super) public: Arc<ReloadableTls>,
    pub(super) admin: Option<Arc<ReloadableTls>>,
    /// Hears when files have been taken over anew.
    pub(super) reloaded: Arc<Notify>,
}

impl Listeners {
    /// Loads their files. No authority may vouch for consumers and for administrators.
    pub(super) async fn load(
        config: &Config,
        serving: &Serving<'_>,
        consumers: ClientAuthentication,
        is_blocked: IsBlocked,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let (public, admin) = (TlsFiles::of(&config.tls, serving), TlsFiles::of_admin(&config.admin, serving));
        let load = move || {
            let public = ReloadableTls::load(public, consumers, is_blocked.clone(), clock.clone())?;
            let administrators = ClientAuthentication::OptionalOfAuthority;
            let admin = admin.map(|files| ReloadableTls::load(files, administrators, is_blocked, clock)).transpose()?;
            if let Some(admin) = &admin {
                check_apart(&admin.client_trust().load(), &public.client_trust().load())?;
            }
            Ok(Self { public: Arc::new(public), admin: admin.map(Arc::new), reloaded: Arc::default() })
        };
        blocking(load).await
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<ReloadableTls>> {
        std::iter::once(&self.public).chain(&self.admin)
    }

    /// What ends soon of what they are made of.
    pub(super) fn expiries(&self) -> Vec<Expiry> {
        self.iter().flat_map(|tls| tls.expiries()).collect()
    }
}

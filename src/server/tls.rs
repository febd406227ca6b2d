//! TLS 1.2 and 1.3 with an optional or required client certificate, replaced as a whole when what it is made of changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use metrics::{counter, gauge};
use rustls::{
    ServerConfig,
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
    time_provider::TimeProvider,
};
use rustls_pki_types::UnixTime as TlsTime;

use super::{
    client_verifier::{ClientAuthentication, ClientVerifier},
    concerns::{Concern, dates},
    session_tickets::tickets,
    tls_files::{TlsContents, TlsError, TlsFiles},
};
use crate::{
    authentication::client_trust::{ClientTrust, IsBlocked},
    clock::Clock,
    crypto,
    expiries::Expiry,
};

/// A listener's TLS set-up; connections that are open keep the one they began with.
pub struct ReloadableTls {
    files: TlsFiles,
    authentication: ClientAuthentication,
    is_blocked: IsBlocked,
    clock: Arc<dyn Clock>,
    config: ArcSwap<ServerConfig>,
    client_trust: Arc<ArcSwap<ClientTrust>>,
    /// Held while something is replaced.
    state: Mutex<State>,
}

struct State {
    /// What the files held at the last attempt; none when they could not be read.
    last_attempt: Option<[u8; 32]>,
    identity: Arc<CertifiedKey>,
}

impl ReloadableTls {
    /// Loads `files`, once and for all or until [`Self::reload`].
    pub fn load(
        files: TlsFiles,
        authentication: ClientAuthentication,
        is_blocked: IsBlocked,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let (identity, trust) = files.build(&contents, &is_blocked, None, &*clock)?;
        let config = server_config(&identity, &trust, &authentication, &clock)?;
        Ok(Self {
            config: ArcSwap::from_pointee(config),
            client_trust: Arc::new(ArcSwap::new(trust)),
            state: Mutex::new(State { last_attempt: Some(contents.digest()), identity }),
            files,
            authentication,
            is_blocked,
            clock,
        })
    }

    /// The set-up for a new connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Which client certificates are trusted, now and after every change: for judging those of open connections again.
    pub fn client_trust(&self) -> &Arc<ArcSwap<ClientTrust>> {
        &self.client_trust
    }

    /// What ends soon of what it is made of.
    pub(super) fn expiries(&self) -> Vec<Expiry> {
        let identity = self.state().identity.clone();
        self.files.expiries(&identity, &self.client_trust.load(), self.clock.now())
    }

    /// The files that it is made of.
    pub(super) const fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// Loads the files again; on failure everything stays as it was. Logged and counted either way.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.replace_by(self.files.read(), &mut self.state())
    }

    /// As [`Self::reload`], when a file has changed since the last attempt. Gives whether it tried.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let contents = self.files.read();
        let mut state = self.state();
        if state.last_attempt == contents.as_ref().ok().map(TlsContents::digest) {
            return Ok(false);
        }
        self.replace_by(contents, &mut state).map(|()| true)
    }

    /// Takes what the source `source` of the authority `authority` sent for its revocation lists now; on failure
    /// everything stays as it was. Gives whether it is something new, which counts at once.
    pub fn take_revocation_lists(&self, authority: &str, source: &str, content: &[u8]) -> Result<bool, TlsError> {
        let state = self.state();
        let Some(trust) = self.client_trust.load().with_lists(authority, source, content)? else { return Ok(false) };
        self.swap(&state.identity, Arc::new(trust))?;
        Ok(true)
    }

    /// Writes how old the revocation lists are into the metrics; a source that has sent none yet was due in 1970.
    pub(super) fn write_gauges(&self) {
        let (trust, now) = (self.client_trust.load(), self.clock.now());
        for (authority, source) in trust.list_sources() {
            let (authority, source_name) = (authority.to_owned(), source.name.clone());
            let oldest = source.lists.iter().map(|list| list.this_update).min();
            let first_due = source.lists.iter().map(|list| list.next_update).min();
            let due = figure(first_due.map_or(0, |due| due.0));
            gauge!("careconnect_crl_next_update_timestamp_seconds", "authority" => authority.clone(),
                "source" => source_name.clone())
            .set(due);
            if let Some(oldest) = oldest {
                gauge!("careconnect_crl_age_seconds", "authority" => authority, "source" => source_name)
                    .set(figure(now.since(oldest)));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace_by(&self, contents: Result<TlsContents, TlsError>, state: &mut State) -> Result<(), TlsError> {
        state.last_attempt = contents.as_ref().ok().map(TlsContents::digest);
        let replaced = contents.and_then(|contents| {
            let before = self.client_trust.load();
            let (identity, trust) = self.files.build(&contents, &self.is_blocked, Some(&before), &*self.clock)?;
            self.swap(&identity, trust)?;
            state.identity = identity;
            Ok(())
        });
        let outcome = if replaced.is_ok() { "loaded" } else { "kept_previous" };
        counter!("careconnect_tls_reloads_total", "outcome" => outcome).increment(1);
        match &replaced {
            Ok(()) => {
                let generation = self.client_trust.load().generation();
                tracing::info!(event = "tls_reloaded", generation, "certificates reloaded");
            }
            Err(error) => tracing::error!(event = "tls_reload_failed", %error, "certificates kept as they were"),
        }
        replaced
    }

    fn swap(&self, identity: &Arc<CertifiedKey>, trust: Arc<ClientTrust>) -> Result<(), TlsError> {
        let config = server_config(identity, &trust, &self.authentication, &self.clock)?;
        self.config.store(Arc::new(config));
        self.client_trust.store(trust);
        Ok(())
    }
}

impl std::fmt::Debug for ReloadableTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReloadableTls({})", self.files.certificate_file.display())
    }
}

impl TlsFiles {
    fn build(
        &self,
        contents: &TlsContents,
        is_blocked: &IsBlocked,
        before: Option<&ClientTrust>,
        clock: &dyn Clock,
    ) -> Result<(Arc<CertifiedKey>, Arc<ClientTrust>), TlsError> {
        let identity = self.identity(contents, &crypto::tls_provider())?;
        let trust = Arc::new(self.client_trust(contents, is_blocked.clone(), before)?);
        for Concern { event, sentence, .. } in self.concerns(&identity, &trust, clock.now()) {
            tracing::warn!(event, "{sentence}");
        }
        if let Some((_, not_after)) = identity.cert.first().and_then(dates) {
            let listener = self.listener.name();
            gauge!("careconnect_tls_certificate_expiry_timestamp_seconds", "listener" => listener)
                .set(figure(not_after.0));
        }
        Ok((identity, trust))
    }
}

fn server_config(
    identity: &Arc<CertifiedKey>,
    trust: &Arc<ClientTrust>,
    authentication: &ClientAuthentication,
    clock: &Arc<dyn Clock>,
) -> Result<ServerConfig, TlsError> {
    let provider = crypto::tls_provider();
    let verifier = ClientVerifier::new(trust.clone(), authentication.clone(), Arc::clone(&provider), Arc::clone(clock));
    let time = Arc::new(ClockForTls(Arc::clone(clock)));
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.clone())));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // The handshake of a resumed session verifies nothing: it gives the chain of the first one, which every token request
    // judges again. With each change of certificates or lists comes a new key, so that the next handshake is a whole one.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = tickets()?;
    Ok(config)
}

/// Seconds as Prometheus takes them: enough until 2106.
fn figure(seconds: i64) -> f64 {
    f64::from(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}

struct ClockForTls(Arc<dyn Clock>);

impl TimeProvider for ClockForTls {
    fn current_time(&self) -> Option<TlsTime> {
        let seconds = u64::try_from(self.0.now().0).ok()?;
        Some(TlsTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

impl std::fmt::Debug for ClockForTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockForTls")
    }
}

//! TLS 1.2 and 1.3 with an optional or required client certificate, replaced as a whole when its files change.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use metrics::{counter, gauge};
use rustls::{ServerConfig, server::NoServerSessionStorage, sign::SingleCertAndKey, time_provider::TimeProvider};
use rustls_pki_types::UnixTime as TlsTime;

use super::{
    client_verifier::{ClientAuthentication, ClientVerifier},
    concerns::{Concern, dates},
    tls_files::{TlsContents, TlsError, TlsFiles},
};
use crate::{authentication::client_trust::ClientTrust, clock::Clock, crypto};

/// A listener's TLS set-up; connections that are open keep the one they began with.
pub struct ReloadableTls {
    files: TlsFiles,
    authentication: ClientAuthentication,
    clock: Arc<dyn Clock>,
    config: ArcSwap<ServerConfig>,
    client_trust: Arc<ArcSwap<ClientTrust>>,
    /// What the files held at the last attempt; none when they could not be read.
    last_attempt: Mutex<Option<[u8; 32]>>,
}

impl ReloadableTls {
    /// Loads `files`, once and for all or until [`Self::reload`].
    pub fn load(
        files: TlsFiles,
        authentication: ClientAuthentication,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let contents = files.read()?;
        let (config, trust) = build(&files, &contents, &authentication, &clock)?;
        Ok(Self {
            config: ArcSwap::from_pointee(config),
            client_trust: Arc::new(ArcSwap::new(trust)),
            last_attempt: Mutex::new(Some(contents.digest())),
            files,
            authentication,
            clock,
        })
    }

    /// The set-up for a new connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Which client certificates are trusted, now and after every reload: for judging those of open connections again.
    pub fn client_trust(&self) -> &Arc<ArcSwap<ClientTrust>> {
        &self.client_trust
    }

    /// Loads the files again; on failure everything stays as it was. Logged and counted either way.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.replace_by(self.files.read())
    }

    /// As [`Self::reload`], when a file has changed since the last attempt. Gives whether it tried.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let contents = self.files.read();
        let digest = contents.as_ref().ok().map(TlsContents::digest);
        if *self.last_attempt.lock().unwrap_or_else(PoisonError::into_inner) == digest {
            return Ok(false);
        }
        self.replace_by(contents).map(|()| true)
    }

    fn replace_by(&self, contents: Result<TlsContents, TlsError>) -> Result<(), TlsError> {
        let digest = contents.as_ref().ok().map(TlsContents::digest);
        *self.last_attempt.lock().unwrap_or_else(PoisonError::into_inner) = digest;
        let built = contents.and_then(|contents| build(&self.files, &contents, &self.authentication, &self.clock));
        let outcome = if built.is_ok() { "loaded" } else { "kept_previous" };
        counter!("careconnect_tls_reloads_total", "outcome" => outcome).increment(1);
        match built {
            Ok((config, trust)) => {
                self.config.store(Arc::new(config));
                tracing::info!(event = "tls_reloaded", generation = trust.generation(), "certificates reloaded");
                self.client_trust.store(trust);
                Ok(())
            }
            Err(error) => {
                tracing::error!(event = "tls_reload_failed", %error, "certificates kept as they were");
                Err(error)
            }
        }
    }
}

impl std::fmt::Debug for ReloadableTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReloadableTls({})", self.files.certificate_file.display())
    }
}

fn build(
    files: &TlsFiles,
    contents: &TlsContents,
    authentication: &ClientAuthentication,
    clock: &Arc<dyn Clock>,
) -> Result<(ServerConfig, Arc<ClientTrust>), TlsError> {
    let provider = crypto::tls_provider();
    let identity = files.identity(contents, &provider)?;
    let trust = Arc::new(files.client_trust(contents)?);
    for Concern { event, sentence, .. } in files.concerns(&identity, &trust, clock.now()) {
        tracing::warn!(event, "{sentence}");
    }
    if let Some((_, not_after)) = identity.cert.first().and_then(dates) {
        let expiry = u32::try_from(not_after.0.max(0)).unwrap_or(u32::MAX); // enough until 2106
        gauge!("careconnect_tls_certificate_expiry_timestamp_seconds").set(f64::from(expiry));
    }
    let verifier =
        ClientVerifier::new(Arc::clone(&trust), authentication.clone(), Arc::clone(&provider), Arc::clone(clock));
    let time = Arc::new(ClockForTls(Arc::clone(clock)));
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A resumed session is not verified again: without resumption a revocation counts from the next connection on.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((config, trust))
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

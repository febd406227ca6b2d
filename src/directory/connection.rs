//! From nothing to a directory that listens.

use std::{io, sync::Arc, time::Duration};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use super::{Directory, DirectoryError, messages, search, tls};
use crate::{blocking::blocking, telemetry::legible};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Directory {
    /// What `work` finds on a connection of its own, which ends with it.
    pub(super) async fn connected<T, F>(&self, work: impl FnOnce(Ldap) -> F + Send) -> Result<T, DirectoryError>
    where
        F: Future<Output = Result<T, DirectoryError>> + Send,
    {
        let limit = self.settings.timeout_seconds.duration();
        let stream = within(limit, "connecting", self.stream()).await?;
        let (ours, theirs) = UnixStream::pair().map_err(|error| unreachable(&error))?;
        let (driver, mut ldap) = library(theirs).await.map_err(|error| DirectoryError::odd(error.to_string()))?;
        let work = async {
            within(limit, "its first answer", search::bind(&mut ldap)).await?;
            work(ldap).await
        };
        tokio::select! {
            failure = messages::relay(stream, ours) => Err(failure),
            _ = driver.drive() => Err(DirectoryError::odd("the LDAP library does not understand it")),
            found = work => found,
        }
    }

    async fn stream(&self) -> Result<Box<dyn Stream>, DirectoryError> {
        let stream = TcpStream::connect(self.url.address()).await.map_err(|error| unreachable(&error))?;
        if !self.url.has_tls() {
            return Ok(Box::new(stream));
        }
        let settings = self.settings.clone();
        let config = blocking(move || tls::client_config(&settings)).await?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = connector.connect(self.url.server_name().clone(), stream).await;
        Ok(Box::new(stream.map_err(|error| broken(&error))?))
    }
}

/// The LDAP library, on one end of a pair of sockets. At the other end is [`messages::relay`], for the library trusts what
/// it reads: a value nested deeply enough would end this process.
async fn library(end: UnixStream) -> ldap3::result::Result<(LdapConnAsync, Ldap)> {
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(end.into_std()?));
    LdapConnAsync::with_settings(settings, "ldapi://directory").await
}

/// What `work` gives, if it does so in time.
pub(super) async fn within<T>(
    limit: Duration,
    doing: &'static str,
    work: impl Future<Output = Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(DirectoryError::Slow { doing, limit }))
}

fn unreachable(error: &io::Error) -> DirectoryError {
    DirectoryError::Unreachable(error.to_string())
}

/// What it means that a connection broke.
pub(super) fn broken(error: &io::Error) -> DirectoryError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => DirectoryError::Untrusted(legible(&error.to_string())),
        Some(rustls::Error::AlertReceived(alert)) => DirectoryError::Refused(format!("TLS alert {alert:?}")),
        Some(_) => DirectoryError::odd(legible(&error.to_string())),
        None => unreachable(error),
    }
}

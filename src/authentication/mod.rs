//! How a consumer proves itself: exactly one mechanism, and it must be one that it holds.

use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::{
    clock::UnixTime,
    config::Issuer,
    domain::{CertificateThumbprint, ClientSecret, ConsumerSystem, CredentialId, PresentedCredential, TokenRequest},
};

pub mod certificate;
pub mod chain_refusal;
pub mod client_assertion;
pub mod client_certificate;
pub mod client_secret;
pub mod client_trust;
mod failed_check;
pub mod failure_budget;
mod hashing_threads;
pub mod key_import;
pub mod key_sets;
pub mod peer;
pub mod secret_hash;
pub mod trust_anchor;

use client_assertion::{AssertionRefusal, AssertionUse, Circumstances};
use client_certificate::CertificateRefusal;
use client_secret::{SecretVerifier, TooManyWaiting};
use client_trust::ClientTrust;
use failure_budget::{Attempt, FailureBudgets, TooManyFailures};
use peer::{PeerCertificate, PeerConnection};

/// The path of the token endpoint below the issuer.
const TOKEN_PATH: &str = "/oauth2/token";

/// A consumer that has proven itself, this second. Only [`authenticate`] makes one.
#[derive(Debug)]
pub struct AuthenticatedConsumer {
    consumer: Arc<ConsumerSystem>,
    method: Method,
    credential: CredentialId,
    assertion_use: Option<AssertionUse>,
    certificate: Option<CertificateThumbprint>,
}

/// By which mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `client_secret_basic` or `client_secret_post`.
    Secret,
    /// `tls_client_auth` or `self_signed_tls_client_auth`, by that name.
    Certificate(&'static str),
    /// `private_key_jwt`.
    PrivateKeyJwt,
}

impl Method {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "client_secret",
            Self::Certificate(name) => name,
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

impl AuthenticatedConsumer {
    /// The registration that was proven.
    pub fn consumer(&self) -> &ConsumerSystem {
        &self.consumer
    }

    /// How it was proven.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The credential that proved it.
    pub const fn credential(&self) -> CredentialId {
        self.credential
    }

    /// Of an assertion: the use that must be recorded before anything is done for the consumer (R21).
    pub const fn assertion_use(&self) -> Option<AssertionUse> {
        self.assertion_use
    }

    /// The consumer's own certificate, on the connection: what a token may be bound to.
    pub const fn certificate(&self) -> Option<CertificateThumbprint> {
        self.certificate
    }
}

/// Why somebody was not let in. For the log alone, but for assertions and lack of capacity: the caller learns only that
/// it failed, or a stranger could learn which consumers exist (R13).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationFailure {
    /// No registration has this client id.
    #[error("the consumer is not registered")]
    UnknownConsumer {
        /// The client id of the request.
        claimed: Option<String>,
    },
    /// No registration has this certificate, and the request names none.
    #[error("no consumer has registered a certificate of subject {subject:?}, nor one of its alternative names")]
    UnknownCertificate {
        /// Its subject, as it would be registered.
        subject: String,
    },
    /// The registration is suspended, whatever the proof is worth.
    #[error("the consumer is suspended since {since}")]
    Suspended {
        /// Since when.
        since: UnixTime,
    },
    /// The secret is none of the consumer's.
    #[error("the secret is not one that the consumer holds now")]
    WrongSecret {
        /// How many it has that count now.
        held: usize,
        /// Whether it has the prefix and checksum of a secret that a server of ours made.
        is_well_formed: bool,
    },
    /// The request has no proof and the connection no certificate.
    #[error("neither a secret in the request nor a certificate on the connection")]
    NothingPresented,
    /// The certificate does not prove the consumer.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateRefusal),
    /// The assertion proves nothing.
    #[error(transparent)]
    Assertion(#[from] AssertionRefusal),
    /// Not a failure of the caller: no capacity to find out.
    #[error(transparent)]
    TooManyWaiting(#[from] TooManyWaiting),
    /// So many attempts failed that this one was not looked at.
    #[error(transparent)]
    TooManyFailures(#[from] TooManyFailures),
}

impl AuthenticationFailure {
    /// Was there an attempt that proved nothing? Then it counts against whoever made it.
    const fn counts(&self) -> bool {
        !matches!(self, Self::TooManyWaiting(_) | Self::TooManyFailures(_))
    }
}

/// What proofs are held against.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// Secrets that were verified, and the means to verify others.
    pub secrets: &'a SecretVerifier,
    /// Which certificates are believed.
    pub trust: &'a ClientTrust,
    /// Who this server is.
    pub issuer: &'a Issuer,
    /// How often somebody may fail.
    pub budgets: &'a FailureBudgets,
}

/// Proves that `request`, which came over `peer`, is from the consumer that it names.
///
/// `registered` is what the register says of that name: nothing, or the registration, active or not.
pub async fn authenticate(
    request: &TokenRequest,
    registered: Option<Arc<ConsumerSystem>>,
    peer: &PeerConnection,
    grounds: &Grounds<'_>,
    now: UnixTime,
) -> Result<AuthenticatedConsumer, AuthenticationFailure> {
    let claimed = request.client_id.as_deref().unwrap_or_default();
    let attempt = grounds.budgets.attempt(claimed, peer.address.ip(), now);
    let outcome = prove(request, registered, peer, grounds, &attempt).await;
    match &outcome {
        Ok(_) => attempt.succeeded(),
        Err(failure) if failure.counts() => attempt.failed(),
        Err(_) => {}
    }
    outcome
}

async fn prove(
    request: &TokenRequest,
    registered: Option<Arc<ConsumerSystem>>,
    peer: &PeerConnection,
    &Grounds { secrets, trust, issuer, .. }: &Grounds<'_>,
    attempt: &Attempt<'_>,
) -> Result<AuthenticatedConsumer, AuthenticationFailure> {
    let now = attempt.now;
    let unknown = || AuthenticationFailure::UnknownConsumer { claimed: request.client_id.clone() };
    // A token is bound to a certificate that the consumer holds, never to whatever came along.
    let held_certificate = |consumer: &ConsumerSystem| {
        let held = |certificate: &&Arc<PeerCertificate>| {
            client_certificate::prove(certificate, consumer.certificates_at(now), trust, now).is_ok()
        };
        peer.certificate.as_ref().filter(held)
    };
    let mut assertion_use = None;
    let (consumer, method, credential, certificate) = match &request.credential {
        PresentedCredential::Secret(secret) => {
            // The remembered answer is for active consumers only: a suspended one takes as long as a wrong secret.
            let active = registered.as_deref().filter(|consumer| consumer.is_active());
            let proven = secrets.verify(secret, active, attempt).await?;
            let consumer = registered.ok_or_else(unknown)?;
            let Some(credential) = proven else {
                let suspended = consumer.status.suspended_at().map(|since| AuthenticationFailure::Suspended { since });
                return Err(suspended.unwrap_or_else(|| AuthenticationFailure::WrongSecret {
                    held: consumer.secrets_at(now).count(),
                    is_well_formed: ClientSecret::is_well_formed(secret.expose_secret()),
                }));
            };
            let certificate = held_certificate(&consumer);
            (consumer, Method::Secret, credential, certificate)
        }
        PresentedCredential::Assertion(assertion) => {
            attempt.check()?;
            let known = registered.as_deref();
            let endpoint = known.filter(|consumer| consumer.accepts_token_endpoint_audience);
            let token_endpoint = endpoint.map(|_| issuer.endpoint(TOKEN_PATH));
            let circumstances = Circumstances {
                client_id: request.client_id.as_deref(),
                issuer: issuer.as_str(),
                token_endpoint: token_endpoint.as_deref(),
                now,
            };
            let keys = known.into_iter().flat_map(|consumer| consumer.keys_at(now));
            let proven = client_assertion::prove(assertion, keys, &circumstances)?;
            let credential = proven.credential;
            assertion_use = Some(proven.assertion_use);
            let consumer = registered.ok_or_else(unknown)?;
            let certificate = held_certificate(&consumer);
            (consumer, Method::PrivateKeyJwt, credential, certificate)
        }
        PresentedCredential::Certificate => {
            let certificate = peer.certificate.as_ref().ok_or(AuthenticationFailure::NothingPresented)?;
            if !certificate.is_self_issued() && !certificate.is_judged(trust, now) {
                attempt.check()?;
            }
            let consumer = registered.ok_or_else(|| match request.client_id {
                Some(_) => unknown(),
                None => AuthenticationFailure::UnknownCertificate { subject: certificate.subject().to_owned() },
            })?;
            let (credential, proven) =
                client_certificate::prove(certificate, consumer.certificates_at(now), trust, now)?;
            let method = Method::Certificate(proven.identity.method());
            (consumer, method, credential, Some(certificate))
        }
    };
    if let Some(since) = consumer.status.suspended_at() {
        return Err(AuthenticationFailure::Suspended { since });
    }
    let certificate = certificate.map(|certificate| certificate.thumbprint());
    Ok(AuthenticatedConsumer { consumer, method, credential, assertion_use, certificate })
}

//! How a consumer proves itself: exactly one mechanism, and it must be one that it holds.

use std::sync::Arc;

use arc_swap::ArcSwap;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    clock::UnixTime,
    config::{Issuer, Limits},
    domain::{ClientSecret, ConsumerSystem, CredentialId, PresentedCredential, ProviderSystem, RegistrationStatus},
};

pub mod authenticated_consumer;
pub mod authority;
pub mod certificate;
pub mod chain_refusal;
pub mod client_assertion;
pub mod client_certificate;
pub mod client_secret;
pub mod client_trust;
pub mod failure;
pub mod failure_budget;
pub mod forwarded;
mod hashing_threads;
pub mod key_import;
pub mod key_sets;
pub mod peer;
pub mod revocation_list;
pub mod secret_hash;
pub mod trust_anchor;
mod trusted_path;

use authenticated_consumer::CertificateProof;
pub use authenticated_consumer::{AuthenticatedConsumer, Method};
use careconnect_verifier::UnverifiedAssertion;
use client_assertion::{AssertionRefusal, AssertionUse, Circumstances};
use client_secret::SecretVerifier;
use client_trust::ClientTrust;
pub use failure::AuthenticationFailure;
use failure_budget::{Attempt, FailureBudgets};
use key_sets::KeySets;
use peer::{PeerCertificate, PeerConnection};

/// The path of the token endpoint below the issuer.
pub const TOKEN_PATH: &str = "/oauth2/token";

/// What proofs are held against.
pub struct Authenticator {
    /// Verified secrets.
    pub secrets: SecretVerifier,
    /// Which certificates are believed; swapped whole on a reload.
    pub trust: Arc<ArcSwap<ClientTrust>>,
    /// The keys that consumers publish.
    pub key_sets: Arc<KeySets>,
    /// How often somebody may fail.
    pub budgets: FailureBudgets,
    /// For whom assertions must be.
    pub issuer: Issuer,
}

/// One consumer, proven by one of its credentials.
struct Proven<'a> {
    consumer: Arc<ConsumerSystem>,
    method: Method,
    credential: CredentialId,
    assertion_use: Option<AssertionUse>,
    certificate: Option<&'a Arc<PeerCertificate>>,
    proof: Option<CertificateProof>,
}

impl Authenticator {
    /// With nothing remembered yet.
    pub fn new(limits: &Limits, issuer: Issuer, trust: Arc<ArcSwap<ClientTrust>>, key_sets: Arc<KeySets>) -> Self {
        let (permits, queue) = (limits.argon2_permits(), limits.argon2_queue_length.get());
        let secrets = SecretVerifier::new(permits, queue, limits.share_of(permits.saturating_add(queue)));
        Self { secrets, trust, key_sets, budgets: FailureBudgets::of(limits), issuer }
    }

    /// Proves by `credential` that a request, which came over `peer`, is from the consumer that it names, if it names one.
    ///
    /// `registered` is what the register says of that name: nothing, or the registration, active or not.
    pub async fn authenticate(
        &self,
        client_id: Option<&str>,
        credential: &PresentedCredential,
        registered: Option<Arc<ConsumerSystem>>,
        peer: &PeerConnection,
        now: UnixTime,
    ) -> Result<AuthenticatedConsumer, AuthenticationFailure> {
        let shown = peer.certificate.as_ref().map(|certificate| certificate.thumbprint());
        let attempt = self.budgets.attempt(client_id.unwrap_or_default(), shown, peer.address.ip(), now);
        let proven = match credential {
            PresentedCredential::Secret(secret) => self.by_secret(secret, registered, peer, &attempt).await,
            PresentedCredential::Assertion(assertion) => self.by_assertion(assertion, registered, peer, &attempt),
            PresentedCredential::Certificate => self.by_certificate(client_id, registered, peer, &attempt),
        };
        let outcome = proven.and_then(Proven::if_active);
        match &outcome {
            Ok(_) => attempt.succeeded(),
            Err(failure) if failure.counts() => attempt.failed(),
            Err(_) => {}
        }
        outcome
    }

    /// Does the certificate of `peer` prove that it is `provider`, by the rule of consumers: trusted now, neither revoked nor
    /// blocked, of the registration's environment and issuer? Nothing proves one that is suspended.
    pub fn is_provider(&self, provider: &ProviderSystem, peer: &PeerConnection, now: UnixTime) -> bool {
        let proves = |shown: &Arc<PeerCertificate>| {
            client_certificate::is_one_of(shown, &provider.certificates, &self.trust.load(), now)
        };
        provider.is_active() && peer.certificate.as_ref().is_some_and(proves)
    }

    async fn by_secret<'a>(
        &self,
        secret: &SecretString,
        registered: Option<Arc<ConsumerSystem>>,
        peer: &'a PeerConnection,
        attempt: &Attempt<'_>,
    ) -> Result<Proven<'a>, AuthenticationFailure> {
        // The remembered answer is for active consumers only: a suspended one takes as long as a wrong secret.
        let active = registered.as_deref().filter(|consumer| consumer.is_active());
        let proven = self.secrets.verify(secret, active, attempt).await?;
        let consumer = registered.ok_or_else(|| AuthenticationFailure::unknown(attempt))?;
        let Some(credential) = proven else {
            check_status(&consumer)?;
            return Err(AuthenticationFailure::WrongSecret {
                held: consumer.secrets_at(attempt.now).count(),
                is_well_formed: ClientSecret::is_well_formed(secret.expose_secret()),
            });
        };
        let certificate = self.held_certificate(&consumer, peer, attempt.now);
        Ok(Proven { consumer, method: Method::Secret, credential, assertion_use: None, certificate, proof: None })
    }

    fn by_assertion<'a>(
        &self,
        assertion: &UnverifiedAssertion,
        registered: Option<Arc<ConsumerSystem>>,
        peer: &'a PeerConnection,
        attempt: &Attempt<'_>,
    ) -> Result<Proven<'a>, AuthenticationFailure> {
        attempt.check_unless_well_known()?;
        let (known, now) = (registered.as_deref(), attempt.now);
        let sets: Vec<_> = known.into_iter().flat_map(|consumer| consumer.key_sets_at(now)).collect();
        let fetched: Vec<_> = sets.iter().map(|(id, uri)| (*id, self.key_sets.keys(uri, now))).collect();
        let in_sets = fetched.iter().filter_map(|(id, keys)| Some((*id, keys.as_ref().ok()?)));
        let in_sets = in_sets.flat_map(|(id, keys)| keys.contents.keys.iter().map(move |key| (id, key)));
        let keys = known.into_iter().flat_map(|consumer| consumer.keys_at(now)).chain(in_sets);

        let endpoint = known.filter(|consumer| consumer.accepts_token_endpoint_audience);
        let token_endpoint = endpoint.map(|_| self.issuer.endpoint(TOKEN_PATH));
        let circumstances = Circumstances {
            client_id: Some(attempt.client_id).filter(|id| !id.is_empty()),
            issuer: self.issuer.as_str(),
            token_endpoint: token_endpoint.as_deref(),
            now,
        };
        let proven = client_assertion::prove(assertion, keys, &circumstances).map_err(|refusal| {
            if known.is_none() && matches!(refusal, AssertionRefusal::KeyUnknown { .. }) {
                let claimed = attempt.client_id.to_owned();
                return AuthenticationFailure::AssertionOfUnknownConsumer { refusal, claimed };
            }
            if refusal.is_of_the_key() {
                sets.iter().for_each(|(_, uri)| self.key_sets.note_unknown_key(uri));
                if let Some(why) = fetched.iter().find_map(|(_, keys)| keys.as_ref().err()) {
                    return AuthenticationFailure::KeySetMissing { refusal, why: why.clone() };
                }
            }
            refusal.into()
        })?;
        let (credential, assertion_use) = (proven.credential, Some(proven.assertion_use));
        let consumer = registered.clone().ok_or_else(|| AuthenticationFailure::unknown(attempt))?;
        let certificate = self.held_certificate(&consumer, peer, now);
        Ok(Proven { consumer, method: Method::PrivateKeyJwt, credential, assertion_use, certificate, proof: None })
    }

    fn by_certificate<'a>(
        &self,
        client_id: Option<&str>,
        registered: Option<Arc<ConsumerSystem>>,
        peer: &'a PeerConnection,
        attempt: &Attempt<'_>,
    ) -> Result<Proven<'a>, AuthenticationFailure> {
        let (trust, now) = (self.trust.load(), attempt.now);
        let certificate = peer.certificate.as_ref().ok_or(AuthenticationFailure::NothingPresented)?;
        if !certificate.is_self_issued() && !certificate.is_judged(&trust, now) {
            attempt.check_unless_well_known()?;
        }
        let consumer = registered.ok_or_else(|| match client_id {
            Some(_) => AuthenticationFailure::unknown(attempt),
            None => AuthenticationFailure::UnknownCertificate { subject: certificate.subject().to_owned() },
        })?;
        let (credential, proven) = client_certificate::prove(certificate, consumer.certificates_at(now), &trust, now)?;
        let method = Method::Certificate(proven.identity.method());
        let path = certificate.verdict(&trust, now).ok(); // none for one that signs itself
        let proof = Some(CertificateProof { certificate: certificate.clone(), path });
        Ok(Proven { consumer, method, credential, assertion_use: None, certificate: Some(certificate), proof })
    }

    /// A token is bound to a certificate that the consumer holds, never to whatever came along.
    fn held_certificate<'a>(
        &self,
        consumer: &ConsumerSystem,
        peer: &'a PeerConnection,
        now: UnixTime,
    ) -> Option<&'a Arc<PeerCertificate>> {
        let held = |certificate: &&Arc<PeerCertificate>| {
            client_certificate::prove(certificate, consumer.certificates_at(now), &self.trust.load(), now).is_ok()
        };
        peer.certificate.as_ref().filter(held)
    }
}

impl Proven<'_> {
    fn if_active(self) -> Result<AuthenticatedConsumer, AuthenticationFailure> {
        let Self { consumer, method, credential, assertion_use, certificate, proof } = self;
        check_status(&consumer)?;
        let certificate = certificate.map(|certificate| certificate.thumbprint());
        Ok(AuthenticatedConsumer { consumer, method, credential, assertion_use, certificate, proof })
    }
}

const fn check_status(consumer: &ConsumerSystem) -> Result<(), AuthenticationFailure> {
    match consumer.status {
        RegistrationStatus::Active => Ok(()),
        status @ (RegistrationStatus::Suspended { .. } | RegistrationStatus::Retired { .. }) => {
            Err(AuthenticationFailure::Inactive { status })
        }
    }
}

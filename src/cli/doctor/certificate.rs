//! `doctor certificate`: would this certificate prove the consumer, and if not, which check fails? And what may it obtain?

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use rustls_pki_types::CertificateDer;

use super::{
    rehearsal::Rehearsal,
    verdict::{Check, ProofVerdict},
};
use crate::{
    authentication::{
        AuthenticatedConsumer,
        chain_refusal::ChainRefusal,
        client_certificate::{self, CertificateRefusal},
        peer::PeerCertificate,
    },
    authorisation::{Cap, obtainable},
    cli::{
        certificate_file::chain_in,
        session::{Session, block_on},
        time_argument::time,
    },
    clock::UnixTime,
    config::LoadedConfig,
    domain::{PresentedCredential, Refusal},
    operations::authenticate_consumer::not_authenticated,
    server::{ClientAuthentication, revocation_fetch::trust_at_start},
};

#[derive(Debug, Args)]
pub(super) struct CertificateArguments {
    /// The client's certificate, then those of its issuers, in PEM; or one in DER.
    file: PathBuf,
    /// The consumer that it should prove, by its client id.
    #[arg(long, value_name = "ID")]
    consumer: String,
    /// Judge it as of this time, such as 2027-04-01T12:00:00Z [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<UnixTime>,
}

const TRUSTED: &str = "certificate_trusted";
const BLOCKED: &str = "certificate_blocked";
const CAPPED: &str = "group_not_permitted";

fn order() -> Vec<Check> {
    let handshake = [
        (
            TRUSTED,
            "the listener takes it: from a configured authority, not revoked, in date; or self-signed and registered",
        ),
        (BLOCKED, "no administrator has blocked it"),
        ("consumer_unknown", "the consumer is registered"),
    ];
    let last = [
        ("consumer_suspended", "the registration is active"),
        (CAPPED, "it may obtain a group that the consumer holds, whatever policies concern it"),
    ];
    handshake.into_iter().chain(client_certificate::CHECKS).chain(last).collect()
}

pub(super) fn run(arguments: &CertificateArguments, session: &Session) -> anyhow::Result<ExitCode> {
    let chain = chain_in(&arguments.file)?;
    let (loaded, now) = (session.load_config()?, arguments.at.unwrap_or_else(|| session.now()));
    block_on(judge(&loaded, chain, &arguments.consumer, now))?.print(session.json)
}

async fn judge(
    loaded: &LoadedConfig,
    chain: Vec<CertificateDer<'static>>,
    client_id: &str,
    now: UnixTime,
) -> anyhow::Result<ProofVerdict> {
    let (trust, unfetched) = trust_at_start(&loaded.config.tls.all_client_authorities()).await?;
    let mut notes: Vec<String> = unfetched
        .into_iter()
        .map(|(authority, url, failure)| format!("the revocation list {url} of {authority} {failure}"))
        .collect();
    if trust.authorities().is_empty() {
        notes.push("no authority is configured, so that only self-signed certificates can count".to_owned());
    }
    let (rehearsal, order) = (Rehearsal::prepare(loaded, trust, now).await?, order());
    let registered = rehearsal.registry.consumer(client_id);
    let admitted = admit(&rehearsal, chain);
    let proven = match &admitted {
        Err(why) => {
            notes.push("the TLS handshake fails; the answer is that on a connection that was open before".to_owned());
            Err((handshake_stage(why), refusal_of(why)))
        }
        Ok(certificate) => {
            let (credential, certificate) = (PresentedCredential::Certificate, Some(certificate.clone()));
            let proven =
                rehearsal.authenticate(Some(client_id.to_owned()), credential, registered.clone(), certificate).await;
            proven.map_err(|failure| (failure.check().check, not_authenticated(failure)))
        }
    };
    let mut verdict = match proven {
        Ok(requester) => with_groups(&rehearsal, &order, &requester),
        Err((stage, refusal)) => ProofVerdict::refused(&order, stage, &refusal, now),
    };
    verdict.notes = notes;
    Ok(verdict.of(registered.as_deref()))
}

/// What the listener says in the handshake.
fn admit(rehearsal: &Rehearsal, chain: Vec<CertificateDer<'static>>) -> Result<Arc<PeerCertificate>, ChainRefusal> {
    let certificate = PeerCertificate::parse(chain)?;
    let registry = rehearsal.registry.clone();
    let is_registered =
        move |shown: &PeerCertificate| shown.identities().iter().any(|identity| registry.has_credential_for(identity));
    let listener = ClientAuthentication::Optional { self_signed: Arc::new(is_registered) };
    listener.admit(&certificate, &rehearsal.authenticator.trust.load(), rehearsal.now)?;
    Ok(Arc::new(certificate))
}

const fn handshake_stage(why: &ChainRefusal) -> &'static str {
    if matches!(why, ChainRefusal::Blocked { .. }) { BLOCKED } else { TRUSTED }
}

fn refusal_of(why: &ChainRefusal) -> Refusal {
    not_authenticated(CertificateRefusal::NotTrusted(why.clone()).into())
}

/// What the certificate's policies leave of the consumer's groups.
fn with_groups(rehearsal: &Rehearsal, order: &[Check], requester: &AuthenticatedConsumer) -> ProofVerdict {
    let cap = Cap::on(requester, &rehearsal.registry.certificate_policies());
    let (mut verdict, groups) =
        match obtainable(&rehearsal.registry.assured(requester.consumer()), cap.as_ref(), rehearsal.now) {
            Ok(groups) => (ProofVerdict::proven(order, requester, rehearsal.now), groups),
            Err(denied) => {
                let refusal = denied.into();
                (ProofVerdict::refused(order, CAPPED, &refusal, rehearsal.now), [].into())
            }
        };
    verdict.policies = cap.map(|cap| cap.policies);
    verdict.groups = Some(groups.into_iter().collect());
    verdict
}

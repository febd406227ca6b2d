//! The proxies that may pass certificates on: which of them a peer is, and what it says of its client.

use std::{fs, io, net::SocketAddr, path::PathBuf, sync::Arc};

use super::{NEVER_READ, cache::Cache, client_address::last_address, read_chain, usual_headers};
use crate::{
    authentication::{
        client_trust::ClientTrust,
        peer::{PeerCertificate, PeerConnection},
    },
    clock::UnixTime,
    config::{ForwardedFormat, Network, Proxy, Tables},
    crypto::sha256,
    domain::{CertificateIdentity, CertificateThumbprint, Environment, Reason, Refusal},
};

/// Certificates that are remembered; with their chains, a few kilobytes each.
const REMEMBERED: usize = 1024;

const SHORTEST_KEY: usize = 32;

/// The values of a request's header, by its name.
pub type Values<'a> = dyn Fn(&str) -> Vec<&'a [u8]> + 'a;

/// Every configured proxy.
#[derive(Debug)]
pub struct Proxies {
    proxies: Vec<TrustedProxy>,
    header_names: Vec<String>,
    cache: Cache,
}

/// One of them.
#[derive(Debug)]
pub struct TrustedProxy {
    name: String,
    format: ForwardedFormat,
    proof: Proof,
    certificate_header: String,
    chain_header: Option<String>,
    client_address_header: Option<String>,
}

/// How it proves that it is itself.
enum Proof {
    /// Its own certificate, by any of these, with an authority of this environment behind it.
    Certificate(Vec<CertificateIdentity>, Environment),
    /// Where it comes from, and a key that only it and we know, of which the digests are here.
    SharedKey { addresses: Vec<Network>, header: String, keys: Vec<[u8; 32]> },
}

/// Why the proxies cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Something that the configuration should have refused.
    #[error("proxy {name:?}: {rule}")]
    Configuration {
        /// The proxy.
        name: String,
        /// What is wrong.
        rule: String,
    },
    /// The key file cannot be read.
    #[error("proxy {name:?}: `shared_key_file` names {}, which cannot be read: {source}", file.display())]
    KeyFile {
        /// The proxy.
        name: String,
        /// Its key file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A key that can be guessed, or that no header can have.
    #[error(
        "proxy {name:?}: {} has no key, or one that is unfit; expected lines of at least 32 printable ASCII characters \
         without spaces", file.display()
    )]
    UnfitKey {
        /// The proxy.
        name: String,
        /// Its key file.
        file: PathBuf,
    },
}

impl Proxies {
    /// Reads the key files of the configured proxies.
    pub fn load(configured: &Tables<Proxy>) -> Result<Self, ProxyError> {
        let proxies = configured.iter().map(TrustedProxy::load).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { proxies, header_names: header_names(configured), cache: Cache::new(REMEMBERED) })
    }

    /// Every header that anybody could mean a certificate with: [`header_names`].
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.header_names.iter().map(String::as_str)
    }

    /// The headers that hold shared keys, which nobody further in may see.
    pub fn key_headers(&self) -> impl Iterator<Item = &str> {
        self.proxies.iter().filter_map(|proxy| match &proxy.proof {
            Proof::SharedKey { header, .. } => Some(header.as_str()),
            Proof::Certificate(..) => None,
        })
    }

    /// Is this the certificate of a proxy itself? Then it may come in, though it signs itself.
    pub fn knows_thumbprint(&self, thumbprint: &CertificateThumbprint) -> bool {
        let known = CertificateIdentity::Thumbprint(*thumbprint);
        self.proxies.iter().any(|proxy| matches!(&proxy.proof, Proof::Certificate(own, _) if own.contains(&known)))
    }

    /// The proxy that `peer` has proven to be, if it is one.
    pub fn authenticate(
        &self,
        peer: &PeerConnection,
        values: &Values<'_>,
        trust: &ClientTrust,
        now: UnixTime,
    ) -> Option<&TrustedProxy> {
        self.proxies.iter().find(|proxy| proxy.proof.holds(peer, values, trust, now))
    }

    /// What `proxy` says of its client: the address, and the certificate or why it is refused. Whatever the proxy itself
    /// showed is none of the client's.
    pub fn client_of(
        &self,
        proxy: &TrustedProxy,
        peer: &PeerConnection,
        values: &Values<'_>,
    ) -> (SocketAddr, Result<Option<Arc<PeerCertificate>>, Refusal>) {
        (proxy.client_address(values).unwrap_or(peer.address), self.certificate(proxy, values))
    }

    fn certificate(&self, proxy: &TrustedProxy, values: &Values<'_>) -> Result<Option<Arc<PeerCertificate>>, Refusal> {
        let header = &proxy.certificate_header;
        let certificate = single(header, values)?;
        let issuers = proxy.chain_header.as_deref().map(|name| single(name, values)).transpose()?.flatten();
        if certificate.is_none() && issuers.is_none() {
            return Ok(None);
        }
        let malformed = |why: String| {
            let sentence = format!("the certificate in {header} cannot be read: {why}");
            Refusal::new(Reason::CertificateHeaderMalformed, sentence)
        };
        let parse = || {
            let chain = read_chain(proxy.format, certificate, issuers).map_err(|error| malformed(error.to_string()))?;
            let parsed = chain.map(PeerCertificate::parse).transpose();
            parsed.map_err(|why| malformed("it is none that a client may have".to_owned()).with_detail(why))
        };
        let digests = [certificate, issuers].map(|value| sha256(value.unwrap_or_default().as_bytes()));
        let key = [proxy.format.name().as_bytes(), digests.as_flattened()].concat();
        let found = self.cache.get_or(sha256(&key), parse)?;
        let is_another = |name: &&str| !proxy.reads(name) && !values(name).is_empty();
        match usual_headers().find(is_another).filter(|_| found.is_some()) {
            None => Ok(found),
            Some(other) => {
                let sentence = format!(
                    "the proxy in front passes a certificate on in {header}, and the request has {other} as well"
                );
                Err(Refusal::new(Reason::CertificateHeaderRepeated, sentence))
            }
        }
    }
}

/// Every header that anybody could mean a certificate with: those of all forms, and those that are configured.
pub fn header_names(configured: &Tables<Proxy>) -> Vec<String> {
    let own = configured.iter().flat_map(|proxy| [Some(proxy.certificate_header()), proxy.chain_header()]);
    let mut names: Vec<String> = usual_headers().chain(NEVER_READ).map(str::to_owned).collect();
    names.extend(own.flatten().map(str::to_owned));
    names.sort_unstable();
    names.dedup();
    names
}

impl TrustedProxy {
    fn load(configured: &Proxy) -> Result<Self, ProxyError> {
        let name = configured.name.clone();
        let wrong = |rule| ProxyError::Configuration { name: name.clone(), rule };
        let proof = match &configured.shared_key_file {
            Some(file) => Proof::SharedKey {
                addresses: configured.addresses.clone(),
                header: configured.shared_key_header.clone(),
                keys: read_keys(&name, file)?,
            },
            None => {
                let thumbprints = configured.thumbprints().map_err(wrong)?;
                let mut own: Vec<_> = thumbprints.into_iter().map(CertificateIdentity::Thumbprint).collect();
                own.extend(configured.dns_name().map_err(wrong)?.map(CertificateIdentity::SanDns));
                Proof::Certificate(own, configured.environment().map_err(wrong)?)
            }
        };
        Ok(Self {
            format: configured.format,
            proof,
            certificate_header: configured.certificate_header().to_owned(),
            chain_header: configured.chain_header().map(str::to_owned),
            client_address_header: configured.client_address_header.clone(),
            name,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self, header: &str) -> bool {
        self.certificate_header == header || self.chain_header.as_deref() == Some(header)
    }

    fn client_address(&self, values: &Values<'_>) -> Option<SocketAddr> {
        let header = self.client_address_header.as_deref()?;
        last_address(header, std::str::from_utf8(values(header).last()?).ok()?)
    }
}

impl Proof {
    fn holds(&self, peer: &PeerConnection, values: &Values<'_>, trust: &ClientTrust, now: UnixTime) -> bool {
        match self {
            Self::Certificate(own, environment) => peer.certificate.as_ref().is_some_and(|certificate| {
                let is_own = own.iter().any(|identity| certificate.identities().contains(identity));
                let is_trusted = || match certificate.is_self_issued() {
                    true => certificate.check_alone(trust, now).is_ok(), // its thumbprint is configured
                    // A test authority must not make proxies for live consumers.
                    false => {
                        certificate.verdict(trust, now).is_ok_and(|path| path.authority.environment == *environment)
                    }
                };
                is_own && is_trusted()
            }),
            Self::SharedKey { addresses, header, keys } => {
                let is_from_there = addresses.iter().any(|network| network.contains(peer.address.ip()));
                is_from_there
                    && match values(header).as_slice() {
                        [only] => keys.iter().any(|key| is_equal(key, &sha256(only))),
                        _ => false,
                    }
            }
        }
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Certificate(own, environment) => write!(f, "Certificate({own:?}, {environment})"),
            Self::SharedKey { addresses, .. } => write!(f, "SharedKey({addresses:?})"),
        }
    }
}

/// Takes as long wherever they begin to differ.
fn is_equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |difference, (one, other)| difference | (one ^ other)) == 0
}

fn read_keys(name: &str, file: &PathBuf) -> Result<Vec<[u8; 32]>, ProxyError> {
    let error = |source| ProxyError::KeyFile { name: name.to_owned(), file: file.clone(), source };
    let text = zeroize::Zeroizing::new(fs::read_to_string(file).map_err(error)?);
    let keys: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_fit = |key: &&str| key.len() >= SHORTEST_KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
    if keys.is_empty() || !keys.iter().all(is_fit) {
        return Err(ProxyError::UnfitKey { name: name.to_owned(), file: file.clone() });
    }
    Ok(keys.into_iter().map(|key| sha256(key.as_bytes())).collect())
}

/// The only value of a header that may come once (R28, RFC 9440 §4).
fn single<'a>(header: &str, values: &Values<'a>) -> Result<Option<&'a str>, Refusal> {
    match values(header).as_slice() {
        [] => Ok(None),
        [only] => std::str::from_utf8(only).map(Some).map_err(|_| {
            let sentence = format!("the header {header} has characters that no certificate has");
            Refusal::new(Reason::CertificateHeaderMalformed, sentence)
        }),
        _ => {
            let sentence =
                format!("the header {header} is there more than once: the proxy in front must set it, not add to it");
            Err(Refusal::new(Reason::CertificateHeaderRepeated, sentence))
        }
    }
}

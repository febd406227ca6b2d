//! A client's certificate that a proxy passes on in a header: from the header's text to the chain, in each known form.
//!
//! Pure, and strict: a proxy writes what its form says, so anything else is somebody else's work.

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::ForwardedFormat;

mod cache;
mod client_address;
mod concatenated;
mod pem;
pub mod proxies;
mod structured;
mod xfcc;

/// The client's certificate, then those of issuers.
type Chain = Vec<CertificateDer<'static>>;

/// As many as a handshake may have: the client's own and sixteen of issuers.
const MAX_CERTIFICATES: usize = 17;

/// Headers that are known to claim something about a certificate, and that no form reads.
pub const NEVER_READ: [&str; 6] = [
    "x-client-cert",
    "x-ssl-client-s-dn",
    "x-ssl-client-verify",
    "x-forwarded-tls-client-cert-info",
    "x-amzn-mtls-clientcert-leaf",
    "ssl-client-cert",
];

/// The usual headers of every form.
pub fn usual_headers() -> impl Iterator<Item = &'static str> {
    let of_format = |format: ForwardedFormat| [Some(format.certificate_header()), format.chain_header()];
    ForwardedFormat::ALL.into_iter().flat_map(of_format).flatten()
}

/// What a header should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct Unreadable(&'static str);

/// Reads the values of the two headers of a form; none when the client showed no certificate.
pub fn read_chain(
    format: ForwardedFormat,
    certificate: Option<&str>,
    issuers: Option<&str>,
) -> Result<Option<Chain>, Unreadable> {
    let (certificate, issuers) = (present(format, certificate), present(format, issuers));
    let Some(certificate) = certificate else {
        return match issuers {
            None => Ok(None),
            Some(_) => Err(Unreadable("certificates of issuers only together with the client's own")),
        };
    };
    let mut chain = match format {
        ForwardedFormat::Rfc9440 => vec![structured::byte_sequence(certificate)?],
        ForwardedFormat::Nginx | ForwardedFormat::Alb => pem::percent_encoded(certificate)?,
        ForwardedFormat::Envoy => xfcc::last_element(certificate)?,
        ForwardedFormat::Haproxy => vec![concatenated::single(certificate)?],
        ForwardedFormat::Apache => vec![pem::single(certificate)?],
        ForwardedFormat::Traefik => pem::without_delimiters(certificate)?,
    };
    if let Some(issuers) = issuers {
        let issuers = match format {
            ForwardedFormat::Rfc9440 => structured::list(issuers)?,
            ForwardedFormat::Haproxy => concatenated::several(issuers)?,
            _ => pem::several(issuers)?,
        };
        chain.extend(issuers);
    }
    if chain.len() > MAX_CERTIFICATES {
        return Err(Unreadable("at most 17 certificates"));
    }
    let is_whole = |der: &CertificateDer<'_>| X509Certificate::from_der(der).is_ok_and(|(rest, _)| rest.is_empty());
    if !chain.iter().all(is_whole) {
        return Err(Unreadable("certificates (RFC 5280), each whole"));
    }
    Ok(Some(chain))
}

/// The value, unless it says that there is none.
fn present(format: ForwardedFormat, value: Option<&str>) -> Option<&str> {
    let value = value?.trim_matches([' ', '\t']);
    let value = if format == ForwardedFormat::Apache { without_null(value) } else { value };
    (!value.is_empty()).then_some(value)
}

/// Apache writes `(null)` for a variable that has no value; those of a chain come last.
fn without_null(mut value: &str) -> &str {
    while let Some(rest) = value.strip_suffix("(null)") {
        value = rest.trim_end_matches(' ');
    }
    value
}

#[cfg(test)]
mod tests;

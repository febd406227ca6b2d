//! PEM, in the disguises that let it through a header: percent-encoded, with spaces for line ends, or without delimiters.

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use rustls_pki_types::CertificateDer;

use super::{Chain, MAX_CERTIFICATES, Unreadable};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// One certificate in PEM, its line ends perhaps spaces.
pub(super) fn single(text: &str) -> Result<CertificateDer<'static>, Unreadable> {
    let mut chain = several(text)?;
    match (chain.pop(), chain.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Unreadable("one certificate in PEM")),
    }
}

/// Certificates in PEM, their line ends perhaps spaces.
pub(super) fn several(text: &str) -> Result<Chain, Unreadable> {
    const WRONG: Unreadable = Unreadable("certificates in PEM and nothing else");
    let mut chain = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() && chain.len() <= MAX_CERTIFICATES {
        let (body, behind) = rest.strip_prefix(BEGIN).and_then(|rest| rest.split_once(END)).ok_or(WRONG)?;
        let body: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        chain.push(base64(&body).ok_or(WRONG)?);
        rest = behind.trim_ascii_start();
    }
    if chain.is_empty() { Err(WRONG) } else { Ok(chain) }
}

/// As [`several`], percent-encoded, where `+` is itself.
pub(super) fn percent_encoded(text: &str) -> Result<Chain, Unreadable> {
    const WRONG: Unreadable = Unreadable("certificates in percent-encoded PEM");
    // What is not a complete escape stays as it is, and is then no PEM.
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| WRONG)?;
    several(&decoded).map_err(|_| WRONG)
}

/// What is between the delimiters, in one line, with commas between certificates; older Traefik percent-encodes it.
pub(super) fn without_delimiters(text: &str) -> Result<Chain, Unreadable> {
    const WRONG: Unreadable = Unreadable("certificates in base64, separated by commas");
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| WRONG)?;
    decoded.split(',').take(MAX_CERTIFICATES + 1).map(|one| base64(one).ok_or(WRONG)).collect()
}

/// DER in canonical base64.
pub(super) fn base64(text: &str) -> Option<CertificateDer<'static>> {
    let der = BASE64_STANDARD.decode(text).ok()?;
    (!der.is_empty()).then(|| CertificateDer::from(der))
}

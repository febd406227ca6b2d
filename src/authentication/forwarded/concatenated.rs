//! HAProxy: DER in base64, of a chain one behind the other.

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Chain, MAX_CERTIFICATES, Unreadable, pem};

/// `ssl_c_der,base64`.
pub(super) fn single(text: &str) -> Result<CertificateDer<'static>, Unreadable> {
    pem::base64(text).ok_or(Unreadable("a certificate in base64"))
}

/// `ssl_c_chain_der,base64`.
pub(super) fn several(text: &str) -> Result<Chain, Unreadable> {
    const WRONG: Unreadable = Unreadable("certificates one behind the other, in base64");
    let all = BASE64_STANDARD.decode(text).map_err(|_| WRONG)?;
    let mut chain = Vec::new();
    let mut rest = all.as_slice();
    while !rest.is_empty() && chain.len() <= MAX_CERTIFICATES {
        let (behind, _) = X509Certificate::from_der(rest).map_err(|_| WRONG)?;
        let length = rest.len().saturating_sub(behind.len());
        let (der, behind) = rest.split_at_checked(length).ok_or(WRONG)?;
        chain.push(CertificateDer::from(der.to_vec()));
        rest = behind;
    }
    Ok(chain)
}

//! What a caller brings: a token, and the circumstances that the token must agree with.

use std::fmt;

use crate::{base64url, crypto};

/// A token as it came, with the certificate and the SSP header that came with it. A `&str` is a token with neither.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    pub(crate) token: &'a [u8],
    pub(crate) certificate: Option<CertificateThumbprint>,
    pub(crate) ssp_from: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// A token as it came, without `Bearer ` and without any trimming.
    pub fn new(token: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { token: token.as_ref(), certificate: None, ssp_from: None }
    }

    /// Adds the certificate that the caller proved to have in the TLS handshake, which a token with `cnf` must name.
    /// Behind the SSP or another proxy, the connection's certificate is the proxy's: do not pass that one.
    #[must_use]
    pub fn with_certificate(self, certificate: CertificateThumbprint) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// Adds the value of the `Ssp-From` header, which must then be the token's ASID.
    #[must_use]
    pub fn from_system(self, ssp_from: &'a str) -> Self {
        Self { ssp_from: Some(ssp_from), ..self }
    }
}

impl<'a> From<&'a str> for Presented<'a> {
    fn from(token: &'a str) -> Self {
        Self::new(token)
    }
}

impl<'a> From<&'a String> for Presented<'a> {
    fn from(token: &'a String) -> Self {
        Self::new(token)
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("certificate", &self.certificate)
            .field("ssp_from", &self.ssp_from)
            .finish_non_exhaustive()
    }
}

/// SHA-256 of a certificate in DER: `x5t#S256` of RFC 8705 §3.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificateThumbprint([u8; 32]);

impl CertificateThumbprint {
    /// Of a certificate in DER.
    pub fn of_der(certificate: &[u8]) -> Self {
        Self(crypto::sha256(certificate))
    }

    /// As a token spells it: base64url without padding.
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for CertificateThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for CertificateThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateThumbprint({self})")
    }
}

//! What a caller brings: a token, and the circumstances that the token must agree with.

use std::{fmt, str::FromStr};

use crate::{InvalidIdentifier, base64url, crypto};

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

    /// Accepts base64url without padding, or 64 hexadecimal digits with or without colons, as `openssl` prints them.
    pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
        Self::from_claim(text).or_else(|| Self::from_hexadecimal(text)).ok_or_else(|| {
            let rule = "SHA-256 as 43 base64url characters or 64 hexadecimal digits";
            InvalidIdentifier::new("a certificate thumbprint", rule, text)
        })
    }

    /// As a token spells it: base64url without padding.
    pub(crate) fn from_claim(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }

    fn from_hexadecimal(text: &str) -> Option<Self> {
        let digits: Vec<_> =
            text.chars().filter(|character| *character != ':').map(|digit| digit.to_digit(16)).collect();
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let byte = |[high, low]: &[Option<u32>; 2]| u8::try_from((*high)? * 16 + (*low)?).ok();
        pairs.iter().map(byte).collect::<Option<Vec<_>>>()?.try_into().ok().map(Self)
    }
}

impl FromStr for CertificateThumbprint {
    type Err = InvalidIdentifier;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_read_as_openssl_prints_it() {
        let thumbprint = CertificateThumbprint::of_der(b"certificate");
        let colons: Vec<String> = thumbprint.0.iter().map(|byte| format!("{byte:02X}")).collect();
        for text in [colons.join(":"), colons.concat(), thumbprint.to_string()] {
            assert_eq!(text.parse(), Ok(thumbprint));
        }
        assert_eq!(CertificateThumbprint::from_claim(&colons.concat()), None);
        for text in [String::new(), "abc".to_owned(), colons[1..].concat(), colons.concat() + "0"] {
            assert!(CertificateThumbprint::parse(&text).is_err(), "{text}");
        }
    }
}

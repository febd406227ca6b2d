//! Private keys as text: PKCS#8 (RFC 5958) in PEM (RFC 7468), and the older forms that can be put into it.

use careconnect_verifier::Algorithm;
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::{KeyRejection, private_jwk};

/// A private key in DER, wiped when it is dropped.
pub type Pkcs8 = Zeroizing<Vec<u8>>;

/// Reads a private JWK, or the first private key of a PEM text.
pub(super) fn from_text(algorithm: Algorithm, text: &[u8]) -> Result<Pkcs8, KeyRejection> {
    if text.trim_ascii_start().starts_with(b"{") {
        private_jwk::read(algorithm, text)
    } else {
        from_pem(algorithm, text)
    }
}

/// Reads the first private key of a PEM text; PKCS#1 and SEC1 come out as PKCS#8 for `algorithm`.
pub(super) fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Pkcs8, KeyRejection> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| KeyRejection::NotPem(error.to_string()))?;
    let key = Zeroizing::new(key);
    let is_ec = matches!(algorithm, Algorithm::Es256 | Algorithm::Es384);
    let is_rsa = !is_ec && algorithm != Algorithm::EdDsa;
    match &*key {
        PrivateKeyDer::Pkcs8(key) => Ok(key.secret_pkcs8_der().to_vec().into()),
        PrivateKeyDer::Pkcs1(key) if is_rsa => Ok(wrap(algorithm, key.secret_pkcs1_der())),
        PrivateKeyDer::Sec1(key) if is_ec => Ok(wrap(algorithm, key.secret_sec1_der())),
        PrivateKeyDer::Pkcs1(_) => Err(KeyRejection::unfit(algorithm, "an RSA key")),
        PrivateKeyDer::Sec1(_) => Err(KeyRejection::unfit(algorithm, "an elliptic curve key")),
        _ => Err(KeyRejection::unfit(algorithm, "a key of an unknown form")),
    }
}

/// `PrivateKeyInfo` of version 1 around a key in its algorithm's own form.
pub(super) fn wrap(algorithm: Algorithm, private_key: &[u8]) -> Pkcs8 {
    const VERSION_1: &[u8] = &[0x02, 0x01, 0x00];
    let key = element(0x04, &[private_key]);
    element(0x30, &[VERSION_1, identifier(algorithm), &key])
}

/// The `AlgorithmIdentifier` of an algorithm's keys in DER (RFC 3279, RFC 5480, RFC 8410).
const fn identifier(algorithm: Algorithm) -> &'static [u8] {
    match algorithm {
        Algorithm::Es256 => b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        Algorithm::Es384 => b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
        Algorithm::EdDsa => b"\x30\x05\x06\x03\x2b\x65\x70",
        _ => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00",
    }
}

/// Tag, length, and the joined parts.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Pkcs8 {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut der = Zeroizing::new(Vec::with_capacity(length + 10));
    der.push(tag);
    match u8::try_from(length) {
        Ok(short @ ..0x80) => der.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let significant = &bytes[bytes.iter().take_while(|&&byte| byte == 0).count()..];
            der.push(0x80 | u8::try_from(significant.len()).unwrap_or_default()); // at most 8
            der.extend_from_slice(significant);
        }
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_der() {
        assert_eq!(element(0x04, &[&[7; 127]])[..3], [0x04, 0x7f, 7]);
        assert_eq!(element(0x04, &[&[7; 128]])[..4], [0x04, 0x81, 0x80, 7]);
        assert_eq!(element(0x04, &[&[7; 200], &[7; 100]])[..5], [0x04, 0x82, 0x01, 0x2c, 7]);
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        for text in [
            "",
            "no key",
            "-----BEGIN PRIVATE KEY-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(matches!(from_pem(Algorithm::Es256, text.as_bytes()), Err(KeyRejection::NotPem(_))), "{text}");
        }
    }
}

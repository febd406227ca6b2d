//! Private keys as JWKs (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2), read into PKCS#8.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use careconnect_verifier::Algorithm;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    KeyRejection,
    pkcs8::{Pkcs8, element, wrap},
};

/// Members that hold numbers are base64url of their big-endian bytes.
#[derive(Deserialize)]
struct PrivateJwk {
    kty: String,
    crv: Option<String>,
    d: Option<SecretString>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    p: Option<SecretString>,
    q: Option<SecretString>,
    dp: Option<SecretString>,
    dq: Option<SecretString>,
    qi: Option<SecretString>,
}

/// Reads a JWK with a private half for `algorithm`.
pub(super) fn read(algorithm: Algorithm, json: &[u8]) -> Result<Pkcs8, KeyRejection> {
    let unusable = |what: &str| KeyRejection::unfit(algorithm, format!("a JWK {what}"));
    let jwk: PrivateJwk = serde_json::from_slice(json).map_err(|_| unusable("that cannot be read"))?;
    let member = |name: &str, value: Option<&str>| -> Result<Zeroizing<Vec<u8>>, KeyRejection> {
        let value = value.ok_or_else(|| unusable(&format!("without {name:?}")))?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(value);
        bytes.map(Zeroizing::new).map_err(|_| unusable(&format!("whose {name:?} is no base64url")))
    };
    let private =
        |name: &str, value: &Option<SecretString>| member(name, value.as_ref().map(|value| value.expose_secret()));
    match (jwk.kty.as_str(), jwk.crv.as_deref(), algorithm) {
        ("EC", Some("P-256"), Algorithm::Es256) | ("EC", Some("P-384"), Algorithm::Es384) => {
            let (d, x, y) = (private("d", &jwk.d)?, member("x", jwk.x.as_deref())?, member("y", jwk.y.as_deref())?);
            // ECPrivateKey (RFC 5915 §3): version 1, the number, and the point as it is written uncompressed.
            let point = element(0x03, &[&[0x00, 0x04], &x, &y]);
            let parts: [&[u8]; 3] = [&[0x02, 0x01, 0x01], &element(0x04, &[&d]), &element(0xa1, &[&point])];
            Ok(wrap(algorithm, &element(0x30, &parts)))
        }
        ("OKP", Some("Ed25519"), Algorithm::EdDsa) => Ok(wrap(algorithm, &element(0x04, &[&private("d", &jwk.d)?]))),
        ("RSA", None, Algorithm::Rs256 | Algorithm::Ps256) => {
            // RSAPrivateKey (RFC 8017 A.1.2): version 0 and its numbers.
            let numbers = [
                member("n", jwk.n.as_deref())?,
                member("e", jwk.e.as_deref())?,
                private("d", &jwk.d)?,
                private("p", &jwk.p)?,
                private("q", &jwk.q)?,
                private("dp", &jwk.dp)?,
                private("dq", &jwk.dq)?,
                private("qi", &jwk.qi)?,
            ];
            let mut sequence = Zeroizing::new(vec![0x02, 0x01, 0x00]);
            for number in &numbers {
                let significant = &number[number.iter().take_while(|&&byte| byte == 0).count()..];
                let sign: &[u8] = if significant.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
                sequence.extend_from_slice(&element(0x02, &[sign, significant]));
            }
            Ok(wrap(algorithm, &element(0x30, &[&sequence])))
        }
        (kty, curve, _) => Err(unusable(&format!("of the type {:?}", [kty, curve.unwrap_or("")].join(" ").trim()))),
    }
}

//! Secrets of consumers: made by the server, shown once, kept only as a hash.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use crate::{crypto::sha256, random};

const PREFIX: &str = "ccas_";
const BODY_LENGTH: usize = 43; // 32 bytes in base64url
const CHECKSUM_LENGTH: usize = 6; // 4 bytes in base64url

/// A new secret: a prefix that scanners recognise, 256 random bits, and a checksum that tells a typing error from a
/// wrong secret without asking the server.
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// Makes one from the operating system's randomness.
    pub fn generate() -> Self {
        let body = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>());
        let checksum = checksum(&body);
        Self(format!("{PREFIX}{body}{checksum}").into())
    }

    /// The text, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Does `text` look like a secret that a server of ours made, prefix and checksum included?
    pub fn is_well_formed(text: &str) -> bool {
        text.strip_prefix(PREFIX)
            .filter(|rest| rest.is_ascii() && rest.len() == BODY_LENGTH + CHECKSUM_LENGTH)
            .map(|rest| rest.split_at(BODY_LENGTH))
            .is_some_and(|(body, sum)| checksum(body) == sum)
    }
}

/// `text` without what may be a secret or a token: callers mix up their fields, and what they sent is in sentences and
/// logs. That is every run of base64url characters with our prefix in it, or longer than any name of ours.
pub fn redacted(text: &str) -> String {
    const LONGEST_NAME: usize = 36; // a UUID
    let is_inside = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_inside) {
        let (outside, run) = rest.split_at(start);
        let (run, behind) = run.split_at(run.find(|character| !is_inside(character)).unwrap_or(run.len()));
        let is_hidden = run.len() > LONGEST_NAME || run.contains(PREFIX);
        redacted.push_str(outside);
        redacted.push_str(if is_hidden { "[redacted]" } else { run });
        rest = behind;
    }
    redacted.push_str(rest);
    redacted
}

fn checksum(body: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&sha256(body.as_bytes())[..4])
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(redacted)")
    }
}

/// A secret at rest: Argon2id in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Box<str>);

impl SecretHash {
    /// Takes a PHC string as it is; whether it can be verified shows when it is.
    pub fn new(phc: impl Into<Box<str>>) -> Self {
        Self(phc.into())
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_256_random_bits_and_a_checksum() {
        // R16
        let (one, other) = (ClientSecret::generate(), ClientSecret::generate());
        assert_ne!(one.expose(), other.expose());
        assert!(ClientSecret::is_well_formed(one.expose()));
    }

    #[test]
    fn what_may_be_a_secret_or_a_token_is_not_repeated() {
        // R55
        let secret = ClientSecret::generate();
        let said = format!("no {:?}, {}x, {} and ccas_", secret.expose(), secret.expose(), &secret.expose()[5..]);
        assert_eq!(redacted(&said), "no \"[redacted]\", [redacted], [redacted] and [redacted]");
        let part = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9";
        assert_eq!(redacted(&format!("/{part}.{part}.{part}?")), "/[redacted].[redacted].[redacted]?");
        for harmless in [
            "nothing of the kind",
            "",
            "urn:nhs:names:services:careconnect:fhir:rest:read:slot",
            "67e55044-10b1-426f-9247-bb680e5fe0c8 é",
            "https://provider.thirdparty.nhs.uk/A20047/STU3/1",
        ] {
            assert_eq!(redacted(harmless), harmless);
        }
    }

    #[test]
    fn a_typing_error_shows_in_the_checksum() {
        let secret = ClientSecret::generate();
        let swapped = secret.expose().replacen(&secret.expose()[5..6], "~", 1);
        assert!(!ClientSecret::is_well_formed(&swapped));
        assert!(!ClientSecret::is_well_formed(&format!("{} ", secret.expose())));
    }

    #[test]
    fn neither_form_can_be_printed() {
        assert_eq!(format!("{:?}", ClientSecret::generate()), "ClientSecret(redacted)");
        assert_eq!(format!("{:?}", SecretHash::new("$argon2id$…")), "SecretHash(redacted)");
    }
}

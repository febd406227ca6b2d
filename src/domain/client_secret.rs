//! Secrets of consumers: made by the server, shown once, kept only as a hash.

use std::{collections::BTreeSet, fmt, ops::RangeInclusive};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::FailedCheck;
use crate::{crypto::sha256, random};

const PREFIX: &str = "ccas_";
const BODY_LENGTH: usize = 43; // 32 bytes in base64url
const CHECKSUM_LENGTH: usize = 6; // 4 bytes in base64url

/// Of an imported secret.
const IMPORTED_OCTETS: RangeInclusive<usize> = 32..=256;
/// Of 32 random octets, fewer are different less than once in 10^10 secrets.
const FEWEST_DIFFERENT_OCTETS: usize = 16;

/// A secret that cannot be taken over. What it is, is never said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretImportError {
    /// It is in neither alphabet, or its padding is wrong.
    #[error("the secret is not base64 with padding, nor base64url without: received {length} characters")]
    NotBase64 {
        /// How long it is.
        length: usize,
    },
    /// It is too short to be safe, or too long to be a secret.
    #[error("the secret must be of 32 to 256 octets; received {octets}")]
    Length {
        /// What was decoded.
        octets: usize,
    },
    /// It repeats itself.
    #[error(
        "the secret is not random: expected {FEWEST_DIFFERENT_OCTETS} different octets or more, received {different}"
    )]
    NotRandom {
        /// How many of its octets are different.
        different: usize,
    },
}

impl SecretImportError {
    /// The check that failed, with both sides.
    pub fn check(&self) -> FailedCheck {
        let (expected, received) = match self {
            Self::NotBase64 { length } => ("base64 with padding, or base64url", format!("{length} other characters")),
            Self::Length { octets } => ("32 to 256 octets", format!("{octets} octets")),
            Self::NotRandom { different } => ("16 different octets or more", format!("{different} different octets")),
        };
        FailedCheck::new("secret_import", expected, received)
    }
}

/// A new secret: a prefix that scanners recognise, 256 random bits, and a checksum that tells a typing error from a
/// wrong secret without asking the server.
#[derive(Clone)]
pub struct ClientSecret(SecretString);

impl ClientSecret {
    /// Makes one from the operating system's randomness.
    pub fn generate() -> Self {
        let body = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>());
        let checksum = checksum(&body);
        Self(format!("{PREFIX}{body}{checksum}").into())
    }

    /// Takes over a secret that another system made: 32 random octets or more in base64 with padding (as in the 44
    /// characters of the original Care Connect service) or in base64url.
    pub fn import(text: &str) -> Result<Self, SecretImportError> {
        let octets = BASE64_STANDARD.decode(text).or_else(|_| BASE64_URL_SAFE_NO_PAD.decode(text));
        let octets = Zeroizing::new(octets.map_err(|_| SecretImportError::NotBase64 { length: text.chars().count() })?);
        let different = octets.iter().collect::<BTreeSet<_>>().len();
        if !IMPORTED_OCTETS.contains(&octets.len()) {
            return Err(SecretImportError::Length { octets: octets.len() });
        }
        if different < FEWEST_DIFFERENT_OCTETS {
            return Err(SecretImportError::NotRandom { different });
        }
        Ok(Self(text.into()))
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

/// Is there a secret of ours in `text`, or a private key? What is kept for everybody to read must have none.
pub fn holds_secret(text: &str) -> bool {
    text.contains(PREFIX) || text.contains("PRIVATE KEY-----")
}

/// `text` without what may be a secret or a token: callers mix up their fields, and what they sent is in sentences and
/// logs. That is every run of base64url characters with our prefix in it, or longer than any name of ours, and every such
/// run of base64 that looks like chance: with capitals and small letters in the midst of each other.
pub fn redacted(text: &str) -> String {
    const LONGEST_NAME: usize = 36; // a UUID
    let is_inside = |character: char| character.is_ascii_alphanumeric() || "-_+/=".contains(character);
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_inside) {
        let (outside, run) = rest.split_at(start);
        let (run, behind) = run.split_at(run.find(|character| !is_inside(character)).unwrap_or(run.len()));
        redacted.push_str(outside);
        if run.len() > LONGEST_NAME && is_like_base64(run) {
            redacted.push_str(HIDDEN);
        } else {
            // Between the slashes of a path, and the like: each part for itself.
            for part in run.split_inclusive(['+', '/', '=']) {
                let name = part.trim_end_matches(['+', '/', '=']);
                let is_hidden = name.len() > LONGEST_NAME && !is_serial_number(name) || name.contains(PREFIX);
                redacted.push_str(if is_hidden { HIDDEN } else { name });
                redacted.push_str(&part[name.len()..]);
            }
        }
        rest = behind;
    }
    redacted.push_str(rest);
    redacted
}

const HIDDEN: &str = "[redacted]";

/// A certificate's serial number has up to 20 octets; no secret is as short in hexadecimal.
fn is_serial_number(run: &str) -> bool {
    run.len() <= 40 && run.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Is there, in 32 neighbours, of everything as much as chance puts there? Paths are mostly of one kind, part by part.
fn is_like_base64(run: &str) -> bool {
    const WINDOW: usize = 32;
    let count = |window: &[u8], kind: fn(&u8) -> bool| window.iter().filter(|byte| kind(byte)).count();
    run.as_bytes()
        .windows(WINDOW)
        .any(|window| count(window, u8::is_ascii_uppercase) >= 5 && count(window, u8::is_ascii_lowercase) >= 5)
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
        assert_eq!(redacted(&format!("/{part}.{part}.{part}?")), "[redacted].[redacted].[redacted]?");
        for imported in
            ["kJ8+Zq1/LmN0pQr+StUvWx/YzAbCdEfGhIjKlMnOpQ0=", "/+/A1b2C3d4+E5f6G7h8/I9j0K1l2+M3n4O5p6/Q7r8=="]
        {
            assert_eq!(redacted(&format!("no {imported} here")), "no [redacted] here");
        }
        for harmless in [
            "nothing of the kind",
            "",
            "urn:nhs:names:services:careconnect:fhir:rest:read:slot",
            "67e55044-10b1-426f-9247-bb680e5fe0c8 é",
            "https://provider.thirdparty.nhs.uk/A20047/STU3/1",
            "https://provider.thirdparty.nhs.uk/some/rather/long/path/of/small/letters/STU3/1",
            "grant_type=client_credentials&scope=organization/slot.read",
            "c55ae0c55ae0c55ae0c55ae0c55ae0c55ae0c55a of CN=Issuing CA",
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
    fn a_secret_of_another_system_is_taken_over_as_it_is() {
        let octets = random::bytes::<32>();
        for text in [BASE64_STANDARD.encode(octets), BASE64_URL_SAFE_NO_PAD.encode(octets)] {
            assert_eq!(ClientSecret::import(&text).unwrap().expose(), text);
        }
    }

    #[test]
    fn a_secret_that_is_short_or_not_random_is_not_taken_over_and_not_repeated() {
        // R16
        use SecretImportError as E;
        let of = |octets: &[u8]| BASE64_STANDARD.encode(octets);
        let random = random::bytes::<32>();
        let refused = [
            ("swordfish!".to_owned(), E::NotBase64 { length: 10 }),
            (format!("{}=", of(&random)), E::NotBase64 { length: 45 }),
            (format!(" {}", of(&random)), E::NotBase64 { length: 45 }),
            (of(&random[1..]), E::Length { octets: 31 }),
            (of(&random.repeat(9)), E::Length { octets: 288 }),
            (String::new(), E::Length { octets: 0 }),
            (of(&[7; 32]), E::NotRandom { different: 1 }),
            (of(b"passwordpasswordpasswordpassword"), E::NotRandom { different: 7 }),
        ];
        for (text, error) in refused {
            assert_eq!(ClientSecret::import(&text).map(|_| ()), Err(error));
            let (said, check) = (error.to_string(), error.check());
            assert!(text.is_empty() || !format!("{said} {check:?}").contains(&text), "{said}");
        }
    }

    #[test]
    fn neither_form_can_be_printed() {
        assert_eq!(format!("{:?}", ClientSecret::generate()), "ClientSecret(redacted)");
        assert_eq!(format!("{:?}", SecretHash::new("$argon2id$…")), "SecretHash(redacted)");
    }
}

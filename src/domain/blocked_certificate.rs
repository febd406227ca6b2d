//! Certificates that an administrator has blocked, whatever their authority says of them.

use std::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::certificate_identity::InvalidCertificateIdentity;
use crate::{clock::UnixTime, crypto::sha256};

/// One certificate, by its issuer's name and its serial number (RFC 5280 §4.1.2.2). Two authorities of one name are one
/// here: more is blocked then, never less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedCertificate {
    /// The issuer's name as RFC 4514 writes it, as `cert inspect` prints it.
    pub issuer: String,
    /// The serial number.
    pub serial: SerialNumber,
    /// Why, in the administrator's words.
    pub note: String,
    /// Since when.
    pub blocked_at: UnixTime,
    /// Since when no longer.
    pub unblocked_at: Option<UnixTime>,
}

impl BlockedCertificate {
    /// What stands for issuer and serial number in a path: a name in a path would be hard to write.
    pub fn id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&sha256(format!("{} {}", self.serial, self.issuer).as_bytes())[..16])
    }
}

/// A certificate's serial number: hexadecimal digits in lower case, without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(Box<str>);

impl SerialNumber {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SerialNumber {
    type Err = InvalidCertificateIdentity;
    /// Reads hexadecimal digits, with or without colons between octets, as `openssl` prints them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.chars().filter(|character| *character != ':').collect();
        if digits.is_empty() || digits.len() > 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            let rule = "expected 1 to 64 hexadecimal digits, with or without colons";
            return Err(InvalidCertificateIdentity::new("serial number", text, rule));
        }
        let significant = digits.trim_start_matches('0').to_ascii_lowercase();
        Ok(Self(if significant.is_empty() { "0".into() } else { significant.into() }))
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_has_one_spelling() {
        for text in ["01:AB:0c", "1ab0c", "0001AB0C"] {
            assert_eq!(text.parse::<SerialNumber>().unwrap().as_str(), "1ab0c");
        }
        assert_eq!("00".parse::<SerialNumber>().unwrap().as_str(), "0");
        for text in ["", ":", "0x1", "-1", "1 2", &"1".repeat(65)] {
            assert!(text.parse::<SerialNumber>().is_err(), "{text:?}");
        }
    }
}

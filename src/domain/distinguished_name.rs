//! Distinguished names in the text form of RFC 4514, compared part by part.

use std::{fmt, str::FromStr};

use super::certificate_identity::InvalidCertificateIdentity;

/// Attribute types with a short name: RFC 4514 §3, and two that NHS certificates carry.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
];

/// A subject's name: exact values in exact order. No case folding, no wildcard, no substring (RFC 8705 §2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DistinguishedName {
    /// In a certificate's order, which is the reverse of the text's.
    relative_names: Vec<RelativeName>,
}

/// One level of the name: attribute types (dotted numbers) with their values, sorted, for their order says nothing.
type RelativeName = Vec<(String, String)>;

impl DistinguishedName {
    /// The name made of these levels in a certificate's order, attribute types as dotted numbers.
    pub fn from_relative_names(mut relative_names: Vec<Vec<(String, String)>>) -> Self {
        relative_names.iter_mut().for_each(|level| level.sort());
        Self { relative_names }
    }

    /// The value of the last common name.
    pub fn common_name(&self) -> Option<&str> {
        let mut attributes = self.relative_names.iter().rev().flatten();
        attributes.find(|(kind, _)| kind == "2.5.4.3").map(|(_, value)| value.as_str())
    }
}

impl FromStr for DistinguishedName {
    type Err = InvalidCertificateIdentity;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |rule| InvalidCertificateIdentity::new("distinguished name", text, rule);
        let mut relative_names = vec![Vec::new()];
        let mut rest = text;
        loop {
            let (kind, after) = rest.split_once('=').ok_or_else(|| refuse("expected type=value (RFC 4514)"))?;
            let kind = attribute_type(kind.trim()).ok_or_else(|| refuse("an attribute type is unknown: expected CN, OU, O, L, ST, C, DC, UID, … or a dotted number (RFC 4514)"))?;
            let (value, separator, remainder) = attribute_value(after).map_err(refuse)?;
            if value.is_empty() {
                return Err(refuse("a value is empty"));
            }
            if let Some(level) = relative_names.last_mut() {
                level.push((kind, value));
            }
            match separator {
                None => break,
                Some('+') => {}
                Some(_) => relative_names.push(Vec::new()),
            }
            rest = remainder;
        }
        relative_names.reverse();
        Ok(Self::from_relative_names(relative_names))
    }
}

impl DistinguishedName {
    /// Reads the subject of one system's certificates, to be registered: a wildcard names more than one.
    pub fn of_one_system(text: &str) -> Result<Self, InvalidCertificateIdentity> {
        let name: Self = text.parse()?;
        if name.relative_names.iter().flatten().any(|(_, value)| value.contains('*')) {
            return Err(InvalidCertificateIdentity::new("subject", text, "a wildcard names more than one system"));
        }
        Ok(name)
    }
}

fn attribute_type(text: &str) -> Option<String> {
    let short = SHORT_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, oid)| *oid);
    let dotted =
        text.contains('.') && text.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    short.or(dotted.then_some(text)).map(str::to_owned)
}

/// Reads a value up to the `,` or `+` that ends it; gives the value, that separator, and what follows.
fn attribute_value(text: &str) -> Result<(String, Option<char>, &str), &'static str> {
    let text = text.trim_start_matches(' ');
    let mut bytes = Vec::new();
    let mut unescaped_length = 0; // trailing spaces beyond it were not escaped, and do not count
    let mut characters = text.char_indices();
    let mut end = None;
    while let Some((at, character)) = characters.next() {
        match character {
            ',' | '+' => {
                end = Some((character, &text[at + 1..]));
                break;
            }
            '\\' => {
                let rest = &text[at + 1..];
                let digits = rest.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    bytes.push(byte);
                    characters.nth(1);
                } else {
                    let (_, escaped) = characters.next().ok_or("it ends in the middle of an escape")?;
                    if !" \"#+,;<=>\\".contains(escaped) {
                        return Err("an escaped character needs no escape");
                    }
                    bytes.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                unescaped_length = bytes.len();
            }
            '"' | ';' | '<' | '>' => return Err("a special character is not escaped"),
            '#' if bytes.is_empty() => return Err("a value in hexadecimal BER is not supported"),
            _ => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                if character != ' ' {
                    unescaped_length = bytes.len();
                }
            }
        }
    }
    bytes.truncate(unescaped_length);
    let value = String::from_utf8(bytes).map_err(|_| "a value is not UTF-8")?;
    if value.chars().any(char::is_control) {
        return Err("a value has control characters");
    }
    Ok(end.map_or((value.clone(), None, ""), |(separator, rest)| (value, Some(separator), rest)))
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, level) in self.relative_names.iter().rev().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            for (place, (kind, value)) in level.iter().enumerate() {
                let name = SHORT_NAMES.iter().find(|(_, oid)| oid == kind).map_or(kind.as_str(), |(name, _)| name);
                write!(f, "{}{name}={}", if place > 0 { "+" } else { "" }, escaped(value))?;
            }
        }
        Ok(())
    }
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, character) in value.chars().enumerate() {
        let special = "\"+,;<>\\".contains(character)
            || (at == 0 && " #".contains(character))
            || (at == last && character == ' ');
        if character.is_control() {
            character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text.push_str(&format!("\\{byte:02X}")));
        } else {
            if special {
                text.push('\\');
            }
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DistinguishedName {
        text.parse().unwrap()
    }

    #[test]
    fn values_and_their_order_count_and_spelling_of_types_does_not() {
        // R26
        let subject = name("CN=booking.trust.nhs.uk,OU=Devices,O=NHS,C=GB");
        assert_eq!(subject, name("cn=booking.trust.nhs.uk, ou=Devices, 2.5.4.10=NHS, C=GB"));
        for other in [
            "CN=Booking.trust.nhs.uk,OU=Devices,O=NHS,C=GB",
            "OU=Devices,CN=booking.trust.nhs.uk,O=NHS,C=GB",
            "CN=booking.trust.nhs.uk,OU=Devices,O=NHS",
            "CN=booking.trust.nhs.uk+OU=Devices,O=NHS,C=GB",
        ] {
            assert_ne!(subject, name(other), "{other}");
        }
    }

    #[test]
    fn escapes_are_read_and_written() {
        let subject = name(r"CN=a\, b\+c\20,O=\c3\9cber");
        assert_eq!(subject.common_name(), Some("a, b+c "));
        assert_eq!(subject.to_string(), r"CN=a\, b\+c\ ,O=Über");
        assert_eq!(name(&subject.to_string()), subject);
    }

    #[test]
    fn the_order_inside_one_level_says_nothing() {
        assert_eq!(name("CN=a+UID=1,O=b"), name("UID=1+CN=a,O=b"));
    }

    #[test]
    fn refuses_what_is_no_name() {
        for text in ["", "CN", "CN=", "XX=a", "CN=a,", "CN=\"a\"", "CN=a;O=b", "CN=a\\", "CN=a\\00", "CN=#0401", "=a"] {
            assert!(text.parse::<DistinguishedName>().is_err(), "{text:?}");
        }
    }
}

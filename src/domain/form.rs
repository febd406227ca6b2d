//! `application/x-www-form-urlencoded` read strictly: what two readers could take for two things is refused.

use percent_encoding::percent_decode;

/// More parameters than any OAuth request has.
const MOST_PARAMETERS: usize = 64;

/// Why a body is no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A `%` that two hexadecimal digits do not follow.
    #[error("the form has a '%' that is not followed by two hexadecimal digits")]
    BadEscape,
    /// Bytes that are no UTF-8 once unescaped.
    #[error("the form is not UTF-8")]
    NotUtf8,
    /// A control character.
    #[error("the form has control characters")]
    ControlCharacter,
    /// Too many parameters.
    #[error("the form has more than {MOST_PARAMETERS} parameters")]
    TooManyParameters,
    /// A parameter that stands twice (RFC 6749 §3.2).
    #[error("the parameter {0:?} stands in the form more than once")]
    Repeated(String),
}

/// The parameters of a form in their order; those without a value are left out (RFC 6749 §3.2).
#[derive(Debug)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body. Only the names in `repeatable` may stand more than once.
    pub fn parse(body: &[u8], repeatable: &[&str]) -> Result<Self, FormError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if parameters.len() == MOST_PARAMETERS {
                return Err(FormError::TooManyParameters);
            }
            if !repeatable.contains(&name.as_str()) && parameters.iter().any(|(seen, _)| *seen == name) {
                return Err(FormError::Repeated(name));
            }
            parameters.push((name, value));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        Ok(Self(parameters))
    }

    /// The value of a parameter that stands at most once.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of a parameter that may stand more than once.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Unescapes one name or value.
pub fn decode(text: &[u8]) -> Result<String, FormError> {
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    decode_escapes(&spaced)
}

/// As [`decode`], where `+` stands for itself.
pub fn decode_escapes(text: &[u8]) -> Result<String, FormError> {
    let well_escaped =
        |(at, _): (usize, &u8)| text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !text.iter().enumerate().filter(|&(_, &byte)| byte == b'%').all(well_escaped) {
        return Err(FormError::BadEscape);
    }
    let bytes: Vec<u8> = percent_decode(text).collect();
    let decoded = String::from_utf8(bytes).map_err(|_| FormError::NotUtf8)?;
    if decoded.chars().any(char::is_control) {
        return Err(FormError::ControlCharacter);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_without_value_counts_as_left_out() {
        let form = Form::parse(b"scope=&grant_type=client_credentials&flag&&", &[]).unwrap();
        assert_eq!(form.one("grant_type"), Some("client_credentials"));
        assert_eq!((form.one("scope"), form.one("flag")), (None, None));
    }

    #[test]
    fn a_repeated_parameter_is_refused_whatever_its_values() {
        // R11
        for body in ["a=1&a=2", "a=1&a=1", "a=&a=1", "a=1&%61=2"] {
            assert_eq!(Form::parse(body.as_bytes(), &[]).unwrap_err(), FormError::Repeated("a".into()), "{body}");
        }
        assert_eq!(Form::parse(b"a=1&a=2", &["a"]).unwrap().all("a").count(), 2);
    }

    #[test]
    fn escapes_are_read_strictly() {
        assert_eq!(decode(b"a%2Bb+c").unwrap(), "a+b c");
        assert_eq!(decode(b"%zz"), Err(FormError::BadEscape));
        assert_eq!(decode(b"%2"), Err(FormError::BadEscape));
        assert_eq!(decode(b"%ff"), Err(FormError::NotUtf8));
        assert_eq!(decode(b"a%00"), Err(FormError::ControlCharacter));
        assert_eq!(decode(b"a%0d%0ab"), Err(FormError::ControlCharacter));
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        // R54
        let body = (0..65).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Form::parse(body.as_bytes(), &[]).unwrap_err(), FormError::TooManyParameters);
    }
}

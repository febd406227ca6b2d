//! JSON of which there is only one reading (RFC 8259, I-JSON RFC 7493): UTF-8 without a mark, no member twice, of bounded
//! depth, one value.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Lists and objects within each other.
const MOST_DEPTH: usize = 64;
/// Of what others wrote, in an error.
const MOST_QUOTED: usize = 64;

/// Why a text is no such JSON, and where: lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {rule}")]
pub struct JsonError {
    /// The line.
    pub line: usize,
    /// The column, in octets.
    pub column: usize,
    /// What is wrong.
    pub rule: String,
}

/// Reads the one value that `bytes` are.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    if bytes.starts_with(b"\xef\xbb\xbf") || bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\xff\xfe") {
        return Err(error_at(bytes, 0, "it begins with a byte order mark; expected UTF-8 without one"));
    }
    let text = str::from_utf8(bytes).map_err(|error| error_at(bytes, error.valid_up_to(), "expected UTF-8"))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        let (line, column) = (error.line().max(1), error.column().max(1));
        let place = format!(" at line {} column {}", error.line(), error.column());
        let rule = error.to_string();
        JsonError { line, column, rule: rule.strip_suffix(&place).unwrap_or(&rule).to_owned() }
    })
}

fn error_at(bytes: &[u8], at: usize, rule: &str) -> JsonError {
    let before = bytes.get(..at).unwrap_or_default();
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    JsonError { line, column, rule: rule.to_owned() }
}

/// Reads a value that is so many lists and objects deep.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MOST_DEPTH {
            return Err(E::custom(format!("expected at most {MOST_DEPTH} lists and objects within each other")));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let (seed, mut list) = (self.deeper()?, Vec::new());
        while let Some(element) = elements.next_element_seed(seed)? {
            list.push(element);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let (seed, mut object) = (self.deeper()?, Map::new());
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let name: String = name.chars().take(MOST_QUOTED).collect();
                return Err(A::Error::custom(format!("the member {name:?} stands in the object more than once")));
            }
            object.insert(name, members.next_value_seed(seed)?);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(text: &[u8]) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_has_one_reading_is_read() {
        let text = r#" {"a": [1, -2, 0.5, "é\u0041", true, null], "b": {"a": {}}} "#;
        assert_eq!(parse(text.as_bytes()).unwrap(), json!({"a": [1, -2, 0.5, "éA", true, null], "b": {"a": {}}}));
        assert_eq!(parse(b"\"text\"").unwrap(), json!("text"));
        assert_eq!(parse(b"18446744073709551615").unwrap(), json!(u64::MAX));
    }

    #[test]
    fn a_member_that_stands_twice_is_refused_at_any_depth_and_with_its_place() {
        assert_eq!(
            fault(b"{\"a\": 1,\n \"a\": 1}"),
            "line 2, column 4: the member \"a\" stands in the object more than once"
        );
        for text in [r#"{"a":1,"\u0061":1}"#, r#"[{"b":{"a":1,"a":2}}]"#, r#"{"b":1,"c":[{"":1,"":1}]}"#] {
            assert!(fault(text.as_bytes()).contains("more than once"), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for (text, expected) in [
            (&b""[..], "line 1, column 1: EOF while parsing a value"),
            (b"   ", "EOF"),
            (b"{\"a\":\n  NaN}", "line 2, column 3: expected value"),
            (b"[Infinity]", "expected value"),
            (b"[-Infinity]", "invalid number"),
            (b"[1e400]", "number out of range"),
            (b"[01]", "invalid number"),
            (b"{'a':1}", "key must be a string"),
            (b"{a:1}", "key must be a string"),
            (b"[1,]", "trailing comma"),
            (b"{} {}", "line 1, column 4: trailing characters"),
            (b"{} // end", "trailing characters"),
            (b"\"\\ud800\"", "unexpected end of hex escape"),
            (b"\"a\nb\"", "control character"),
        ] {
            let said = fault(text);
            assert!(said.contains(expected), "{}: {said}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn other_encodings_and_byte_order_marks_are_refused() {
        let utf_16 = |to: fn(u16) -> [u8; 2]| "{}".encode_utf16().flat_map(to).collect::<Vec<u8>>();
        for text in [
            b"\xef\xbb\xbf{}".to_vec(),
            [b"\xff\xfe".to_vec(), utf_16(u16::to_le_bytes)].concat(),
            [b"\xfe\xff".to_vec(), utf_16(u16::to_be_bytes)].concat(),
        ] {
            assert_eq!(fault(&text), "line 1, column 1: it begins with a byte order mark; expected UTF-8 without one");
        }
        assert!(parse(&utf_16(u16::to_le_bytes)).is_err() && parse(&utf_16(u16::to_be_bytes)).is_err());
        assert_eq!(fault(b"{\n\"\xff\"}"), "line 2, column 2: expected UTF-8");
    }

    #[test]
    fn depth_is_bounded() {
        // R54
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MOST_DEPTH).as_bytes()).is_ok());
        assert!(fault(nested(MOST_DEPTH + 1).as_bytes()).contains("at most 64 lists and objects"));
        assert!(fault("{\"a\":".repeat(20_000).as_bytes()).contains("at most 64"));
        assert!(fault("[".repeat(1_000_000).as_bytes()).contains("at most 64"));
    }
}

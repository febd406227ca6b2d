//! JSON of which there is only one reading: no member twice, at no depth. Depth itself is bounded by `serde_json` (128).

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Why a text is not the JSON object that was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no JSON object at all, or has a member twice.
    Malformed(&'static str),
    /// The member of this name has a value of the wrong type.
    WrongType(&'static str),
}

/// Reads `text` by `read`, which names the member that it is reading in the `Fault`, so that an error can be told.
pub(crate) fn read<'a, T>(
    text: &'a [u8],
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'a>>, &mut Fault) -> serde_json::Result<T>,
) -> Result<T, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::Malformed("UTF-8"))?;
    let mut fault = NOT_AN_OBJECT;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = read(&mut deserializer, &mut fault).and_then(|value| deserializer.end().map(|()| value));
    result.map_err(|error| if error.is_data() { fault } else { Fault::Malformed("JSON of bounded depth") })
}

/// What an object is until its first member has been read, and again in the members that nobody knows.
pub(crate) const NOT_AN_OBJECT: Fault = Fault::Malformed("a JSON object without repeated members");

/// Reads the next value of `map` into `slot`, which must be empty.
pub(crate) fn member<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    slot: &mut Option<T>,
    name: &'static str,
    fault: &mut Fault,
) -> Result<(), A::Error> {
    *fault = NOT_AN_OBJECT;
    if slot.is_some() {
        return Err(A::Error::custom("repeated member"));
    }
    *fault = Fault::WrongType(name);
    *slot = Some(map.next_value()?);
    *fault = NOT_AN_OBJECT;
    Ok(())
}

/// The names seen in an object that are known only by having been seen.
#[derive(Default)]
pub(crate) struct UnknownNames(HashSet<String>);

impl UnknownNames {
    /// Passes over the value of the member `name`.
    pub(crate) fn skip<'de, A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        if !self.0.insert(name) {
            return Err(A::Error::custom("repeated member"));
        }
        map.next_value::<Unambiguous>().map(|_| ())
    }
}

/// Any value without a repeated member in it.
pub(crate) struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = UnknownNames::default();
        while let Some(name) = map.next_key::<String>()? {
            names.skip(name, &mut map)?;
        }
        Ok(self)
    }
}

/// A string, borrowed when it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Any value at all, where only its presence counts.
pub(crate) type Present = IgnoredAny;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_unambiguous(text: &str) -> bool {
        read(text.as_bytes(), |json, _| Unambiguous::deserialize(json)).is_ok()
    }

    #[test]
    fn a_member_may_not_come_twice_at_any_depth() {
        assert!(is_unambiguous(r#"{"a":1,"b":{"a":[{"a":null},{"a":true}]}}"#)); // R39
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":1}"#, r#"[{"x":{"a":1.5,"a":"b"}}]"#] {
            assert!(!is_unambiguous(text), "{text}");
        }
    }

    #[test]
    fn nothing_follows_the_value() {
        for text in ["{} {}", "{}\0", "\u{feff}{}", "{},", ""] {
            assert!(!is_unambiguous(text), "{text:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert!(is_unambiguous(&format!("{}{}", "[".repeat(100), "]".repeat(100)))); // R42
        assert!(!is_unambiguous(&"[".repeat(100_000)));
    }
}

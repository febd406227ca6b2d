//! On which state of a thing a change was decided (RFC 9110 §13): a change of something else is refused.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::crypto::sha256;

/// Tells one state of a thing from every other: a strong entity tag (RFC 9110 §8.8.3), with its quotation marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// That of a representation: equal values have equal tags, whatever the order of their members was.
    pub fn of(representation: &Value) -> Self {
        let canonical = representation.to_string(); // members sorted, no spaces
        Self(format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes()))))
    }

    /// As it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What must be the case for a change to be made, checked in the transaction that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: the command line asks for no more than it says.
    Any,
    /// It is there, whatever it is: `If-Match: *`.
    Exists,
    /// It is not there: `If-None-Match: *`.
    Absent,
    /// It is as one of these tags says. Weak ones never are.
    Matches(Vec<EntityTag>),
}

/// The state that a change was decided on is not the current one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not what it was when you read it: read it again, and decide again")]
pub struct PreconditionFailed {
    /// Its state now, if it is there.
    pub current: Option<EntityTag>,
}

/// A header that is no list of entity tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected entity tags in quotation marks, as ETag gave them, with commas between them, or *")]
pub struct InvalidEntityTags;

impl Precondition {
    /// Reads the values of the header `If-Match` (RFC 9110 §13.1.1); none without one.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Option<Self>, InvalidEntityTags> {
        let (mut tags, mut stars, mut parts) = (Vec::new(), 0, 0);
        for value in values {
            let mut rest = value.trim_matches([' ', '\t']);
            while !rest.is_empty() {
                parts += 1;
                rest = match rest.strip_prefix('*') {
                    Some(rest) => {
                        stars += 1;
                        rest
                    }
                    None => take_tag(rest, &mut tags)?,
                };
                let after = rest.trim_start_matches([' ', '\t']);
                rest = match after.strip_prefix(',') {
                    Some(rest) => rest.trim_start_matches([' ', '\t']),
                    None if after.is_empty() => after,
                    None => return Err(InvalidEntityTags),
                };
            }
        }
        match (stars, parts) {
            (0, 0) => Ok(None),
            (0, _) => Ok(Some(Self::Matches(tags))),
            (1, 1) => Ok(Some(Self::Exists)),
            _ => Err(InvalidEntityTags),
        }
    }

    /// Is it met by a thing whose state has the tag `current`, or by one that is not there?
    pub fn check(&self, current: Option<&EntityTag>) -> Result<(), PreconditionFailed> {
        let is_met = match self {
            Self::Any => true,
            Self::Exists => current.is_some(),
            Self::Absent => current.is_none(),
            Self::Matches(tags) => current.is_some_and(|current| tags.contains(current)),
        };
        if is_met { Ok(()) } else { Err(PreconditionFailed { current: current.cloned() }) }
    }
}

/// Takes one tag off the front; a weak one is left out, for it never matches.
fn take_tag<'a>(text: &'a str, tags: &mut Vec<EntityTag>) -> Result<&'a str, InvalidEntityTags> {
    let strong = text.strip_prefix("W/").unwrap_or(text);
    let inner = strong.strip_prefix('"').ok_or(InvalidEntityTags)?;
    let (tag, rest) = inner.split_once('"').ok_or(InvalidEntityTags)?;
    if !tag.bytes().all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80) {
        return Err(InvalidEntityTags);
    }
    if strong.len() == text.len() {
        tags.push(EntityTag(format!("\"{tag}\"")));
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tag(text: &str) -> EntityTag {
        EntityTag(format!("\"{text}\""))
    }

    #[test]
    fn equal_representations_have_equal_tags_and_others_have_others() {
        let tag = EntityTag::of(&json!({"b": 1, "a": [true]}));
        assert_eq!(tag, EntityTag::of(&serde_json::from_str(r#"{ "a":[true], "b":1 }"#).unwrap()));
        assert_ne!(tag, EntityTag::of(&json!({"b": 1, "a": [false]})));
        assert_eq!(tag.as_str().len(), 45);
    }

    #[test]
    fn a_change_is_made_on_the_state_that_it_was_decided_on_only() {
        let (now, other) = (tag("now"), tag("other"));
        for (header, met_by_now, met_by_nothing) in [
            ("*", true, false),
            ("\"now\"", true, false),
            ("\"other\" , \"now\"", true, false),
            ("\"a,b\",\"now\",", true, false),
            ("\"other\"", false, false),
            ("W/\"now\"", false, false),
        ] {
            let precondition = Precondition::parse([header]).unwrap().unwrap();
            assert_eq!(precondition.check(Some(&now)).is_ok(), met_by_now, "{header}");
            assert_eq!(precondition.check(None).is_ok(), met_by_nothing, "{header}");
        }
        let failed = Precondition::Matches(vec![other]).check(Some(&now)).unwrap_err();
        assert_eq!(failed.current, Some(now));
        assert_eq!(Precondition::Any.check(None), Ok(()));
        assert_eq!(Precondition::Absent.check(None), Ok(()));
        assert!(Precondition::Absent.check(Some(&tag("now"))).is_err());
    }

    #[test]
    fn a_header_that_is_no_list_of_tags_is_refused_and_none_is_none() {
        assert_eq!(Precondition::parse([]), Ok(None));
        assert_eq!(Precondition::parse([" "]), Ok(None));
        assert_eq!(
            Precondition::parse(["\"a\"", "\"b\""]).unwrap(),
            Some(Precondition::Matches(vec![tag("a"), tag("b")]))
        );
        for header in ["now", "\"now", "now\"", "\"a\" \"b\"", "*, \"a\"", "*,*", "**", "w/\"a\"", "\"a b\"", ","] {
            assert_eq!(Precondition::parse([header]), Err(InvalidEntityTags), "{header}");
        }
    }
}

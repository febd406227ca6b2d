//! A JWK set (RFC 7517 §5) in which one bad key does not spoil the others.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{domain::ClientKey, telemetry::legible};

/// The most keys of a set: each may have to be tried.
const MOST_KEYS: usize = 64;

/// The keys of a set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeySetContents {
    /// Those that can be used, in their order.
    pub keys: Vec<ClientKey>,
    /// Those that cannot.
    pub set_aside: Vec<SetAsideKey>,
}

/// A key of a set that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAsideKey {
    /// Its `kid`, if it has one that is a text, cut to what a line can hold.
    pub key_id: Option<String>,
    /// Why.
    pub problem: String,
}

/// Why a text is no set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidSet {
    #[error("expected a JWK set: a JSON object with an array \"keys\", and no member of it twice")]
    NotASet,
    #[error("expected at most {MOST_KEYS} keys, received {0}")]
    TooManyKeys(usize),
}

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>, // as they are: `ClientKey` refuses what has two readings
}

#[derive(Deserialize)]
struct Named {
    kid: Option<String>,
}

impl KeySetContents {
    pub(super) fn parse(json: &[u8]) -> Result<Self, InvalidSet> {
        let set: Set<'_> = serde_json::from_slice(json).map_err(|_| InvalidSet::NotASet)?;
        if set.keys.len() > MOST_KEYS {
            return Err(InvalidSet::TooManyKeys(set.keys.len()));
        }
        let mut read = Self::default();
        for jwk in set.keys {
            match ClientKey::from_jwk(jwk.get()) {
                Ok(key) if read.keys.contains(&key) => {} // the same key once more
                Ok(key) => read.keys.push(key),
                Err(error) => {
                    let named = serde_json::from_str::<Named>(jwk.get()).ok();
                    let key_id = named.and_then(|named| named.kid).map(|kid| legible(&kid));
                    read.set_aside.push(SetAsideKey { key_id, problem: error.to_string() });
                }
            }
        }
        read.set_twins_aside();
        Ok(read)
    }

    /// Which of two keys of one `kid` and algorithm was meant cannot be known, so neither is.
    fn set_twins_aside(&mut self) {
        let name = |key: &ClientKey| key.key_id().map(|kid| (kid.to_owned(), key.algorithm()));
        let names: Vec<_> = self.keys.iter().map(name).collect();
        let is_twin = |key: &ClientKey| {
            let own = name(key);
            own.is_some() && names.iter().filter(|other| **other == own).count() > 1
        };
        let (twins, keys) = std::mem::take(&mut self.keys).into_iter().partition::<Vec<_>, _>(|key| is_twin(key));
        self.keys = keys;
        self.set_aside.extend(twins.iter().map(|key| SetAsideKey {
            key_id: key.key_id().map(legible),
            problem: "the key shares its kid with another key".to_owned(),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    const OTHER: &str = r#""kty":"OKP","crv":"Ed25519","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw""#;

    fn parse(keys: &[String]) -> KeySetContents {
        KeySetContents::parse(format!(r#"{{"keys":[{}],"more":1}}"#, keys.join(",")).as_bytes()).unwrap()
    }

    fn ids(contents: &KeySetContents) -> Vec<&str> {
        contents.keys.iter().filter_map(ClientKey::key_id).collect()
    }

    #[test]
    fn one_bad_key_does_not_spoil_the_others() {
        // R22, R40
        let contents = parse(&[
            "17".into(),
            format!(r#"{{{ED25519},"kid":"private","d":"AAAA"}}"#),
            format!(r#"{{{ED25519},"kid":"twice","kid":"twice"}}"#),
            r#"{"kty":"RSA","kid":"weak","n":"AQAB","e":"AQAB","alg":"RS256"}"#.into(),
            format!(r#"{{{ED25519},"kid":"for ever\n","use":"enc"}}"#),
            format!(r#"{{{ED25519},"kid":"good"}}"#),
            format!("{{{OTHER}}}"),
        ]);
        assert_eq!((contents.keys.len(), ids(&contents)), (2, vec!["good"]));
        let aside: Vec<_> = contents.set_aside.iter().map(|key| key.key_id.as_deref()).collect();
        assert_eq!(aside, [None, Some("private"), None, Some("weak"), Some("for ever\\n")]);
        assert!(contents.set_aside[1].problem.contains("private member"), "{:?}", contents.set_aside);
    }

    #[test]
    fn two_keys_of_one_id_are_both_set_aside_and_one_key_twice_is_one() {
        let (one, other) = (format!(r#"{{{ED25519},"kid":"a"}}"#), format!(r#"{{{OTHER},"kid":"a"}}"#));
        assert_eq!(ids(&parse(&[one.clone(), one.clone()])), ["a"]);
        let contents = parse(&[one, format!(r#"{{{ED25519},"kid":"b"}}"#), other]);
        assert_eq!((ids(&contents), contents.set_aside.len()), (vec!["b"], 2));
    }

    #[test]
    fn what_is_no_set_is_refused_whole() {
        // R42
        let refused = |text: &str| KeySetContents::parse(text.as_bytes()).unwrap_err();
        let deep = format!(r#"{{"keys":[{}{}]}}"#, "[".repeat(50_000), "]".repeat(50_000));
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, r#"{"keys":[]} x"#] {
            assert_eq!(refused(text), InvalidSet::NotASet, "{text}");
        }
        assert!(KeySetContents::parse(deep.as_bytes()).is_ok_and(|contents| contents.keys.is_empty()));
        let many = format!(r#"{{"keys":[{}]}}"#, vec!["1"; 65].join(","));
        assert_eq!(refused(&many), InvalidSet::TooManyKeys(65));
    }
}

//! An entry, and how its values are read: none is believed to be what it should be.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use ldap3::SearchEntry;

use super::problems::Problems;

/// Of one attribute. The directory has systems with hundreds of interactions.
const MOST_VALUES: usize = 5_000;
/// Of one value, in octets.
const LONGEST_VALUE: usize = 1_024;

/// Attributes by their names in lower case, for these are the same in any case (RFC 4512 §2.5).
#[derive(Debug, Clone)]
pub(super) struct Entry {
    name: String,
    attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

impl From<SearchEntry> for Entry {
    fn from(found: SearchEntry) -> Self {
        let texts = found.attrs.into_iter().map(|(name, values)| (name, values.into_iter().map(Into::into).collect()));
        let attributes = texts.chain(found.bin_attrs).map(|(name, values)| (name.to_ascii_lowercase(), values));
        Self { name: found.dn, attributes: attributes.collect() }
    }
}

impl Entry {
    /// Its name in the tree.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Every value of `attribute` that is a text of a sensible length, without the blanks around it.
    pub(super) fn texts<'a>(&'a self, attribute: &str, problems: &mut Problems) -> Vec<&'a str> {
        let values = self.attributes.get(&attribute.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default();
        if values.len() > MOST_VALUES {
            problems.push(&format!("{attribute} has {} values: the first {MOST_VALUES} count", values.len()));
        }
        let mut texts = Vec::new();
        for value in values.iter().take(MOST_VALUES) {
            match str::from_utf8(value) {
                Err(_) => problems.push(&format!("{attribute} has a value that is no text")),
                Ok(text) if text.len() > LONGEST_VALUE => {
                    problems.push(&format!("{attribute} has a value of {} octets: it is left out", text.len()));
                }
                Ok(text) => texts.extend(Some(text.trim()).filter(|text| !text.is_empty())),
            }
        }
        texts
    }

    /// The value of an attribute that has one, or none.
    pub(super) fn text<'a>(&'a self, attribute: &str, problems: &mut Problems) -> Option<&'a str> {
        let texts = self.texts(attribute, problems);
        if texts.len() > 1 {
            problems.push(&format!("{attribute} has {} values; expected one: the first counts", texts.len()));
        }
        texts.first().copied()
    }

    /// Every value of `attribute` that is a `T`.
    pub(super) fn all<T: FromStr<Err: Display>>(&self, attribute: &str, problems: &mut Problems) -> Vec<T> {
        let texts = self.texts(attribute, problems);
        texts.into_iter().filter_map(|text| parse(attribute, text, problems)).collect()
    }

    /// The value of `attribute`, if it is a `T`.
    pub(super) fn one<T: FromStr<Err: Display>>(&self, attribute: &str, problems: &mut Problems) -> Option<T> {
        self.text(attribute, problems).and_then(|text| parse(attribute, text, problems))
    }
}

fn parse<T: FromStr<Err: Display>>(attribute: &str, text: &str, problems: &mut Problems) -> Option<T> {
    text.parse().map_err(|error: T::Err| problems.push(&format!("{attribute}: {error}"))).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use careconnect_verifier::OdsCode;

    use super::*;

    fn entry(name: &str, values: &[&str]) -> Entry {
        let attrs = HashMap::from([(name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect())]);
        let bin_attrs = HashMap::from([("odd".to_owned(), vec![vec![0xff], b"text".to_vec()])]);
        Entry::from(SearchEntry { dn: "o=nhs".to_owned(), attrs, bin_attrs })
    }

    #[test]
    fn a_name_is_the_same_in_any_case_and_blanks_are_no_value() {
        let mut problems = Problems::default();
        let entry = entry("NHSidCODE", &[" ", "", " a1001 "]);
        assert_eq!(entry.one::<OdsCode>("nhsIDCode", &mut problems).unwrap().as_str(), "A1001");
        assert_eq!(entry.text("nhsProductName", &mut problems), None);
        assert_eq!(problems.into_sentences(), Vec::<String>::new());
    }

    #[test]
    fn what_is_too_much_or_no_text_is_told_and_left_out() {
        let (many, long) = (vec!["a"; MOST_VALUES + 1], "a".repeat(LONGEST_VALUE + 1));
        let mut problems = Problems::default();
        assert_eq!(entry("many", &many).texts("many", &mut problems).len(), MOST_VALUES);
        assert_eq!(entry("long", &[&long]).texts("long", &mut problems), Vec::<&str>::new());
        assert_eq!(entry("any", &[]).texts("odd", &mut problems), ["text"]);
        assert_eq!(entry("two", &["a", "b"]).text("two", &mut problems), Some("a"));
        assert_eq!(entry("code", &["(a\r\n"; 60]).all::<OdsCode>("code", &mut problems), []);
        let told = problems.into_sentences();
        for problem in ["many has 5001 values", "long has a value of 1025 octets", "odd has a value that is no text"] {
            assert!(told.iter().any(|told| told.contains(problem)), "{told:?}");
        }
        assert_eq!((told.len(), told.last().unwrap().as_str()), (51, "and 14 more"));
        assert!(!told.concat().contains(['\r', '\n']));
    }
}

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

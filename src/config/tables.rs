//! Lists of tables, such as `[[proxies]]`: each entry with a name of its own, read as a whole.

use std::{collections::BTreeSet, fmt, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use toml::Value;

use super::setting::Setting;

/// What one entry of such a list is. Its `Deserialize` denies unknown fields.
pub trait Table: fmt::Debug + Clone + Serialize + DeserializeOwned + 'static {
    /// What the list is; ends the sentence "expected …", and is in the reference.
    const EXPECTED: &'static str;

    /// Tells the entry from the others of the list.
    fn name(&self) -> &str;

    /// What its type does not hold, or what is wrong, beginning with the key.
    fn check(&self) -> Result<(), String>;

    /// Makes its relative paths relative to `base`.
    fn resolve(&mut self, _base: &Path) {}
}

/// The entries, in the order of the file.
#[derive(Debug, Clone)]
pub struct Tables<T>(Vec<T>);

impl<T> Tables<T> {
    /// No entry.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Every entry.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<'a, T> IntoIterator for &'a Tables<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Table> Setting for Tables<T> {
    fn expected(&self) -> String {
        T::EXPECTED.to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let entries = value.as_array().ok_or_else(|| format!("expected {}", T::EXPECTED))?;
        let mut names = BTreeSet::new();
        let mut tables = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or("without a name");
            let wrong = |rule: String| format!("entry {} ({name:?}): {rule}", index + 1);
            let table: T = entry.clone().try_into().map_err(|error| wrong(in_one_line(&error)))?;
            if table.name().is_empty() || !names.insert(table.name().to_owned()) {
                return Err(wrong("`name` is empty, or another entry has it; expected one of its own".to_owned()));
            }
            table.check().map_err(wrong)?;
            tables.push(table);
        }
        self.0 = tables;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Array(self.0.iter().filter_map(|table| Value::try_from(table).ok()).collect()))
    }

    /// The sentence names entry and key: to repeat the whole list would bury them.
    fn is_secret(&self) -> bool {
        true
    }

    fn resolve(&mut self, base: &Path) {
        self.0.iter_mut().for_each(|table| table.resolve(base));
    }
}

/// The message, which names a field that is unknown or missing, and the key at which it happened.
fn in_one_line(error: &toml::de::Error) -> String {
    error.to_string().trim().replace('\n', ", ")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Gate {
        name: String,
        width: u8,
    }

    impl Table for Gate {
        const EXPECTED: &'static str = "tables `[[gates]]`";
        fn name(&self) -> &str {
            &self.name
        }
        fn check(&self) -> Result<(), String> {
            if self.width == 0 { Err("`width` is 0; expected more".to_owned()) } else { Ok(()) }
        }
    }

    fn read(toml: &str) -> Result<Tables<Gate>, String> {
        let mut tables = Tables::none();
        tables.read(&toml::from_str::<toml::Table>(toml).unwrap()["gates"]).map(|()| tables)
    }

    #[test]
    fn entries_are_read_in_order_and_shown_so_that_they_can_be_read_again() {
        let tables = read("[[gates]]\nname = 'north'\nwidth = 2\n[[gates]]\nname = 'south'\nwidth = 1").unwrap();
        assert_eq!(tables.iter().map(Table::name).collect::<Vec<_>>(), ["north", "south"]);
        let shown = format!("gates = {}", tables.show().unwrap());
        assert_eq!(read(&shown).unwrap().0, tables.0, "{shown}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_entry_and_key() {
        let first = "[[gates]]\nname = 'north'\nwidth = 2\n[[gates]]\n";
        for (second, sentence) in [
            ("name = 'a'\nwidht = 1", "entry 2 (\"a\"): unknown field `widht`, expected `name` or `width`"),
            ("name = 'a'", "entry 2 (\"a\"): missing field `width`"),
            ("name = 'a'\nwidth = 'b'", "entry 2 (\"a\"): invalid type: string \"b\", expected u8, in `width`"),
            ("width = 1", "entry 2 (\"without a name\"): missing field `name`"),
            ("name = 'a'\nwidth = 0", "entry 2 (\"a\"): `width` is 0; expected more"),
            (
                "name = 'north'\nwidth = 1",
                "entry 2 (\"north\"): `name` is empty, or another entry has it; expected one of its own",
            ),
        ] {
            assert_eq!(read(&format!("{first}{second}")).unwrap_err(), sentence);
        }
        assert_eq!(read("gates = 1").unwrap_err(), "expected tables `[[gates]]`");
    }
}

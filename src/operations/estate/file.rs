//! An estate file: TOML or JSON, told apart by their first character.

use std::{collections::BTreeMap, sync::OnceLock};

use serde_json::{Map, Number, Value};

use crate::domain::{Fault, strict_json};

/// The members of a file, and where they stand.
#[derive(Debug)]
pub struct EstateFile {
    pub(super) value: Value,
    text: String,
    /// Of the entries of each section; made when somebody asks.
    lines: OnceLock<BTreeMap<String, Vec<usize>>>,
}

impl EstateFile {
    /// Reads a file; what is in it is not judged yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let whole = |detail: String| Fault { pointer: String::new(), detail };
        let text = str::from_utf8(bytes).map_err(|error| whole(format!("expected UTF-8: {error}")))?;
        let value = if text.trim_start().starts_with('{') {
            strict_json::parse(bytes).map_err(|error| whole(error.to_string()))?
        } else {
            let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
                let line = error.span().map(|span| format!("line {}: ", line_at(text, span.start)));
                whole(format!("{}{}", line.unwrap_or_default(), error.message()))
            })?;
            json_of(toml::Value::Table(table))
        };
        Ok(Self { value, text: text.to_owned(), lines: OnceLock::new() })
    }

    /// How many entries it has.
    pub fn entries(&self) -> usize {
        let sections = self.value.as_object().into_iter().flat_map(Map::values);
        sections.filter_map(Value::as_array).map(Vec::len).sum()
    }

    /// Where a fault is, as people look for it: the line of its entry, where the file is TOML, and what the entry is.
    pub fn place(&self, fault: &Fault) -> Option<String> {
        let mut parts = fault.pointer.trim_start_matches('/').split('/');
        let (section, index) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
        let entry = self.value.get(section)?.get(index)?;
        let told_by: &[&str] = match section {
            "assurances" => &["subject", "identifier", "group"],
            "consumers" => &["client_id", "name"],
            "providers" => &["asid", "name"],
            "blocked_certificates" => &["serial", "issuer"],
            _ => &["group", "code", "name"],
        };
        let named: Vec<&str> = told_by.iter().filter_map(|name| entry.get(name)?.as_str()).collect();
        let kind = section.trim_end_matches('s').replace("policie", "policy").replace('_', " ");
        let line = self.line(section, index).map(|line| format!("line {line}, ")).unwrap_or_default();
        Some(format!("{line}{kind} {}", named.join(" ").escape_debug()))
    }

    fn line(&self, section: &str, index: usize) -> Option<usize> {
        self.lines.get_or_init(|| lines(&self.text)).get(section)?.get(index).copied()
    }
}

/// Where the entries of each section of TOML begin; nothing of JSON.
fn lines(text: &str) -> BTreeMap<String, Vec<usize>> {
    let Ok(table) = toml::de::DeTable::parse(text) else { return BTreeMap::new() };
    let ends: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    let line = |at: usize| ends.partition_point(|end| *end < at) + 1;
    let sections = table.get_ref().iter().filter_map(|(name, elements)| {
        let elements = elements.get_ref().as_array()?;
        Some((name.get_ref().to_string(), elements.iter().map(|element| line(element.span().start)).collect()))
    });
    sections.collect()
}

fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(elements) => elements.into_iter().map(json_of).collect(),
        toml::Value::Table(members) => members.into_iter().map(|(name, value)| (name, json_of(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_found_by_the_line_and_the_name_of_its_entry() {
        let toml =
            "providers = []\n\n[[consumers]]\nclient_id = \"a\"\n\n[[consumers]]\nclient_id = \"b\"\nname = \"B\"\n";
        let file = EstateFile::parse(toml.as_bytes()).unwrap();
        let fault = Fault { pointer: "/consumers/1/asid".to_owned(), detail: "it is missing".to_owned() };
        assert_eq!(file.place(&fault).as_deref(), Some("line 6, consumer b B"));
        let file = EstateFile::parse(br#"{"certificate_policies": [{"name": "a\n"}]}"#).unwrap();
        let fault = Fault { pointer: "/certificate_policies/0".to_owned(), ..fault };
        assert_eq!(file.place(&fault).as_deref(), Some("certificate policy a\\n"));
        assert_eq!(file.entries(), 1);
    }

    #[test]
    fn a_file_that_is_neither_toml_nor_json_is_refused_with_its_line() {
        for (text, expected) in [
            (&b"[[consumers]]\nname = \n"[..], "line 2: "),
            (b"a = 1\na = 2\n", "line 2: "),
            (b"{\"a\": 1, \"a\": 2}", "line 1, column "),
            (b"\xff", "expected UTF-8"),
        ] {
            let fault = EstateFile::parse(text).unwrap_err();
            assert!(fault.detail.starts_with(expected), "{fault}");
        }
    }
}

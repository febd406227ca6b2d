//! Canonical TOML: what tells a thing comes first, the rest in the order of the alphabet, lists of things last.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What people look for first.
const FIRST: [&str; 9] = ["client_id", "subject", "identifier", "group", "code", "asid", "id", "kind", "name"];

pub(super) fn toml_text(sections: &[(&'static str, Vec<Value>)]) -> String {
    let mut text = String::new();
    for (name, _) in sections.iter().filter(|(_, entries)| entries.is_empty()) {
        let _infallible = writeln!(text, "{name} = []");
    }
    for (name, entries) in sections {
        tables(&mut text, name, entries);
    }
    text
}

fn tables(text: &mut String, path: &str, entries: &[Value]) {
    for members in entries.iter().filter_map(Value::as_object) {
        let _infallible = writeln!(text, "{}[[{path}]]", if text.is_empty() { "" } else { "\n" });
        let (nested, plain): (Vec<_>, Vec<_>) = ordered(members).into_iter().partition(|(_, value)| is_tables(value));
        for (name, value) in plain {
            let _infallible = writeln!(text, "{name} = {}", plain_value(value));
        }
        for (name, value) in nested {
            tables(text, &format!("{path}.{name}"), value.as_array().map(Vec::as_slice).unwrap_or_default());
        }
    }
}

fn ordered(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut ordered: Vec<_> = members.iter().filter(|(_, value)| !value.is_null()).collect();
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    ordered.sort_by_key(|(name, _)| (place(name), (*name).clone()));
    ordered
}

fn is_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.first().is_some_and(Value::is_object))
}

fn plain_value(value: &Value) -> String {
    match value {
        Value::Array(elements) => format!("[{}]", elements.iter().map(plain_value).collect::<Vec<_>>().join(", ")),
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_is_toml_again_and_in_one_order() {
        let consumer = json!({
            "name": "Dr \"Ó'Brien\"\\", "client_id": "a", "asid": "1", "product": null, "rate": 7, "on": true, "codes": ["x", "y"],
            "none": [], "credentials": [{"kind": "key", "id": "k", "value": "{\"a\":1}"}, {"id": "l"}],
        });
        let text = toml_text(&[("providers", vec![]), ("consumers", vec![consumer.clone()])]);
        let expected = "providers = []\n\n[[consumers]]\nclient_id = \"a\"\nasid = \"1\"\nname = ";
        assert!(text.starts_with(expected), "{text}");
        let read: toml::Table = text.parse().unwrap();
        let mut again = serde_json::to_value(read).unwrap();
        again["consumers"][0]["product"] = Value::Null;
        assert_eq!(again, json!({"providers": [], "consumers": [consumer]}));
    }
}

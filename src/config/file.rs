//! A TOML text as a list of keys with their lines.

use toml::{
    Value,
    de::{DeTable, DeValue},
};

/// One key of a file.
pub(super) struct FileValue {
    /// Full path, with dots.
    pub(super) key: String,
    /// Line of the key, from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// Every key in the order of the text; an empty section has none. The error is a line, where known, and a message.
pub(super) fn parse(text: &str) -> Result<Vec<FileValue>, (Option<usize>, String)> {
    let refuse = |error: toml::de::Error| {
        (error.span().map(|span| line_of(text, span.start)), error.message().replace('\n', ", "))
    };
    let spans = DeTable::parse(text).map_err(refuse)?;
    let values = toml::from_str::<toml::Table>(text).map_err(refuse)?;
    let mut found = Vec::new();
    collect(text, "", spans.get_ref(), &values, &mut found);
    found.sort_by_key(|value| value.line);
    Ok(found)
}

fn collect(text: &str, prefix: &str, spans: &DeTable<'_>, values: &toml::Table, found: &mut Vec<FileValue>) {
    for (key, spanned) in spans {
        let path = format!("{prefix}{}", key.get_ref());
        let Some(value) = values.get(key.get_ref().as_ref()) else { continue };
        match (spanned.get_ref(), value) {
            (DeValue::Table(inner), Value::Table(values)) => collect(text, &format!("{path}."), inner, values, found),
            _ => found.push(FileValue { key: path, line: line_of(text, key.span().start), value: value.clone() }),
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

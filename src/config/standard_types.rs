//! Settings of the standard library's types.

use std::path::{Path, PathBuf};

use toml::Value;

use super::setting::Setting;

impl Setting for bool {
    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        *self = value.as_bool().ok_or_else(|| format!("expected {}", self.expected()))?;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }
}

impl Setting for PathBuf {
    fn expected(&self) -> String {
        "a path".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        *self = path(value).ok_or_else(|| format!("expected {}", self.expected()))?;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.display().to_string()))
    }

    fn resolve(&mut self, base: &Path) {
        *self = base.join(&self);
    }
}

impl Setting for Option<PathBuf> {
    fn expected(&self) -> String {
        "a path".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        *self = Some(path(value).ok_or_else(|| format!("expected {}", self.expected()))?);
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        self.as_ref().and_then(Setting::show)
    }

    fn resolve(&mut self, base: &Path) {
        self.iter_mut().for_each(|path| path.resolve(base));
    }
}

impl Setting for Vec<PathBuf> {
    fn expected(&self) -> String {
        "a list of paths".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let paths = value.as_array().and_then(|values| values.iter().map(path).collect());
        *self = paths.ok_or_else(|| format!("expected {}", self.expected()))?;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::Array(self.iter().filter_map(Setting::show).collect()))
    }

    fn resolve(&mut self, base: &Path) {
        self.iter_mut().for_each(|path| path.resolve(base));
    }
}

fn path(value: &Value) -> Option<PathBuf> {
    value.as_str().filter(|text| !text.is_empty() && !text.contains('\0')).map(PathBuf::from)
}

//! From file and environment to a configuration, with every problem at once.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use toml::Value;

use super::{
    Config, ConfigError, DatabaseUrl, Entry, Place, Problem, Serving,
    file::{FileValue, parse},
};

/// The file that is read when none is named and it exists in the working directory.
pub const DEFAULT_FILE: &str = "careconnect-auth.toml";

/// The environment variable that names the file.
pub const FILE_VARIABLE: &str = "CARECONNECT_AUTH_CONFIG";

/// What every variable of ours begins with; those that set a key have one underscore more.
const PREFIX: &str = "CARECONNECT_AUTH_";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// This line of the file.
    File(usize),
    /// The environment variable of this name.
    Environment(String),
}

/// A configuration, and where each value came from.
#[derive(Debug, Clone)]
pub struct LoadedConfig {
    /// The configuration in effect.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    origins: BTreeMap<&'static str, Origin>,
}

impl Config {
    /// Reads `path`, or [`DEFAULT_FILE`] where that exists, and the environment of this process.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Ok(LoadedConfig::load(path)?.config)
    }
}

impl LoadedConfig {
    /// Like [`Config::load`], and remembers where each value came from.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let path = path.or_else(|| default.exists().then_some(default));
        Self::from_sources(path, std::env::vars_os())
    }

    /// Reads this file and these environment variables, of which only those that begin with `CARECONNECT_AUTH_` count.
    /// A relative path is relative to the directory of the file, or, from the environment, to the working directory.
    pub fn from_sources(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut loaded =
            Self { config: Config::default(), file: path.map(Path::to_path_buf), origins: BTreeMap::new() };
        let mut problems = Vec::new();
        if let Some(path) = path {
            loaded.read_file(path, &mut problems);
        }
        loaded.read_environment(environment, &mut problems);
        loaded.resolve_paths();
        loaded.read_database_url(&mut problems);
        loaded.check_metrics_address(&mut problems);
        loaded.check_directory(&mut problems);
        loaded.check_keys(&mut problems);
        ConfigError::unless_empty(problems)?;
        Ok(loaded)
    }

    /// The keys that `serve` needs, or every one that is missing; first of all the file, if there was none.
    pub fn serving(&self) -> Result<Serving<'_>, ConfigError> {
        self.config.serving().map_err(|mut error| {
            let sentence = self.lacks_file().map(|sentence| Problem::general(Place::Nowhere, sentence));
            error.problems.splice(0..0, sentence);
            error
        })
    }

    /// What people should hear before anything else is said to be missing: that no file was read.
    pub fn lacks_file(&self) -> Option<String> {
        self.file.is_none().then(|| {
            format!(
                "there is no {DEFAULT_FILE} in the current directory; expected one there, or --config or \
                 {FILE_VARIABLE} to name one"
            )
        })
    }

    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    fn read_file(&mut self, path: &Path, problems: &mut Vec<Problem>) {
        let at = |line| Place::File(path.to_path_buf(), line);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return problems.push(Problem::general(at(None), format!("cannot be read: {error}")));
            }
        };
        let values = match parse(&text) {
            Ok(values) => values,
            Err((line, message)) => {
                return problems.push(Problem::general(at(line), format!("is not TOML: {message}")));
            }
        };
        for FileValue { key, line, value } in values {
            let result = self.set(&key, str::to_owned, |entry| {
                entry.setting.read(&value).map_err(|rule| wrong(entry, &value, &rule))
            });
            match result {
                Ok(known) => drop(self.origins.insert(known, Origin::File(line))),
                Err(sentence) => problems.push(Problem { place: at(Some(line)), key: Some(key), sentence }),
            }
        }
    }

    fn read_environment(
        &mut self,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        problems: &mut Vec<Problem>,
    ) {
        let mut variables: Vec<_> = environment
            .into_iter()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
            .filter(|(name, _)| name.starts_with(PREFIX) && name != FILE_VARIABLE && !is_service_link(name))
            .collect();
        variables.sort();
        for (name, value) in variables {
            match self.set(&name, environment_name, |entry| read_text(entry, &value)) {
                Ok(known) => drop(self.origins.insert(known, Origin::Environment(name))),
                Err(sentence) => {
                    problems.push(Problem { key: Some(path_of(&name)), place: Place::Environment(name), sentence });
                }
            }
        }
    }

    /// Sets the key that this kind of source spells `name`.
    fn set(
        &mut self,
        name: &str,
        spelling: fn(&str) -> String,
        read: impl FnOnce(&mut Entry<'_>) -> Result<(), String>,
    ) -> Result<&'static str, String> {
        let mut entries = self.config.entries();
        match entries.iter_mut().find(|entry| spelling(entry.path) == name) {
            Some(entry) => read(entry).map(|()| entry.path),
            None => Err(unknown(&path_of(name), spelling, entries.iter().map(|entry| entry.path))),
        }
    }

    fn resolve_paths(&mut self) {
        let Some(base) = self.file.as_deref().and_then(Path::parent) else { return };
        for entry in self.config.entries() {
            if !matches!(self.origins.get(entry.path), Some(Origin::Environment(_))) {
                entry.setting.resolve(base);
            }
        }
    }

    fn read_database_url(&mut self, problems: &mut Vec<Problem>) {
        const FILE_KEY: &str = "database.url_file";
        let Some(file) = &self.config.database.url_file else { return };
        let mut refuse = |place, sentence| problems.push(Problem { place, key: Some(FILE_KEY.into()), sentence });
        if self.origins.contains_key("database.url") {
            let sentence = "`database.url` and `database.url_file` are both set; expected one of them";
            return refuse(self.place(FILE_KEY), sentence.to_owned());
        }
        match fs::read_to_string(file) {
            Err(error) => refuse(
                self.place(FILE_KEY),
                format!("`{FILE_KEY}` names {}, which cannot be read: {error}", file.display()),
            ),
            Ok(text) => match DatabaseUrl::parse(text.trim()) {
                Ok(url) => self.config.database.url = url,
                Err(error) => refuse(Place::File(file.clone(), None), format!("the database URL is wrong: {error}")),
            },
        }
    }

    fn check_metrics_address(&self, problems: &mut Vec<Problem>) {
        let metrics = &self.config.metrics;
        if let Some(address) = metrics.listen.0.filter(|address| !address.ip().is_loopback())
            && !metrics.allow_beyond_loopback
        {
            let sentence = format!(
                "`metrics.listen` is {address}, which other machines can reach; expected a loopback address, or \
                 `metrics.allow_beyond_loopback = true`"
            );
            problems.push(Problem {
                place: self.place("metrics.listen"),
                key: Some("metrics.listen".into()),
                sentence,
            });
        }
    }

    pub(super) fn place(&self, key: &str) -> Place {
        match (self.origin(key), &self.file) {
            (Origin::Environment(name), _) => Place::Environment(name.clone()),
            (Origin::File(line), Some(file)) => Place::File(file.clone(), Some(*line)),
            _ => Place::Nowhere,
        }
    }
}

/// The name of the environment variable that overrides a key.
pub fn environment_name(key: &str) -> String {
    format!("{PREFIX}_{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Kubernetes sets such variables for every service of a namespace, and one may well be called careconnect-auth.
fn is_service_link(name: &str) -> bool {
    let is_ours = name.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('_'));
    !is_ours && (name.contains("_SERVICE_") || name.contains("_PORT_") || name.ends_with("_PORT"))
}

/// The key that a name may mean: a key is its own name, and a variable is upper case with double underscores.
fn path_of(name: &str) -> String {
    let rest = name.strip_prefix(PREFIX).map(|rest| rest.strip_prefix('_').unwrap_or(rest));
    rest.map_or_else(|| name.to_owned(), |rest| rest.replace("__", ".").to_ascii_lowercase())
}

/// A number, list or switch is written as in TOML, a text with or without quotes.
fn read_text(entry: &mut Entry<'_>, value: &OsString) -> Result<(), String> {
    let text = value.to_str().ok_or_else(|| format!("`{}` is not UTF-8", entry.path))?;
    let plain = Value::String(text.to_owned());
    match text.trim().parse::<Value>() {
        Ok(parsed) => match entry.setting.read(&parsed) {
            Ok(()) => Ok(()),
            Err(rule) => entry.setting.read(&plain).map_err(|_| wrong(entry, &parsed, &rule)),
        },
        Err(_) => entry.setting.read(&plain).map_err(|rule| wrong(entry, &plain, &rule)),
    }
}

fn wrong(entry: &Entry<'_>, value: &Value, rule: &str) -> String {
    if entry.setting.is_secret() {
        return format!("`{}` is wrong: {rule}", entry.path);
    }
    let received: String = value.to_string().replace(char::is_control, " ").chars().take(200).collect();
    format!("`{}` is {received}: {rule}", entry.path)
}

fn unknown(key: &str, spelling: fn(&str) -> String, known: impl Iterator<Item = &'static str>) -> String {
    let mut nearest = ("", f64::MIN);
    for path in known {
        if path.split_once('.').is_some_and(|(section, _)| section == key) {
            return format!("`{key}` is a section; expected keys below it, such as `{}`", spelling(path));
        }
        let similarity = strsim::jaro_winkler(path, key);
        if similarity > nearest.1 {
            nearest = (path, similarity);
        }
    }
    format!("unknown key `{key}`; the nearest known one is `{}`", spelling(nearest.0))
}

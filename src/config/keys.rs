//! Where private signing keys are kept, and how long the stages of their life last.

use std::path::PathBuf;

use toml::Value;

use super::{Config, Keys, LoadedConfig, Problem, Setting};
use crate::domain::{KeptIn, KeySchedule};

/// How late a node may see what another one has published, in seconds.
const PROPAGATION: i64 = 10;
/// The longest life of a token, and what a verifier allows for differing clocks, in seconds.
const TOKEN_AND_LEEWAY: i64 = 3_600 + 60;

/// Where new keys are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStoreName {
    /// Sealed files.
    Files,
    /// Sealed rows.
    Database,
    /// A PKCS#11 token.
    Pkcs11,
}

impl KeyStoreName {
    const ALL: [Self; 3] = [Self::Files, Self::Database, Self::Pkcs11];

    /// The place of that name.
    pub const fn kept_in(self) -> KeptIn {
        match self {
            Self::Files => KeptIn::Files,
            Self::Database => KeptIn::Database,
            Self::Pkcs11 => KeptIn::Pkcs11,
        }
    }
}

impl Setting for KeyStoreName {
    fn expected(&self) -> String {
        Self::ALL.map(|name| format!("{:?}", name.kept_in().name())).join(" or ")
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let named = Self::ALL.into_iter().find(|name| value.as_str() == Some(name.kept_in().name()));
        *self = named.ok_or_else(|| format!("expected {}", self.expected()))?;
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        Some(Value::String(self.kept_in().name().to_owned()))
    }
}

/// The label of a PKCS#11 token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLabel(pub String);

impl Setting for Option<TokenLabel> {
    fn expected(&self) -> String {
        "a text of 1 to 32 characters".to_owned()
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        let label = value.as_str().filter(|text| (1..=32).contains(&text.len()));
        *self = Some(TokenLabel(label.ok_or_else(|| format!("expected {}", self.expected()))?.to_owned()));
        Ok(())
    }

    fn show(&self) -> Option<Value> {
        self.as_ref().map(|label| Value::String(label.0.clone()))
    }
}

/// A PKCS#11 token, and where the PIN is that opens it.
#[derive(Debug, Clone)]
pub struct Pkcs11Token {
    /// The maker's shared library.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// File with the PIN of the token's user.
    pub pin_file: PathBuf,
}

impl Keys {
    /// The token, if one is configured.
    pub fn pkcs11_token(&self) -> Option<Pkcs11Token> {
        let (module, TokenLabel(label)) = (self.pkcs11_module.clone()?, self.pkcs11_token_label.clone()?);
        Some(Pkcs11Token { module, label, pin_file: self.pkcs11_pin_file.clone()? })
    }

    /// The least time for which a key is published before it signs, in seconds: as long as others may not know it.
    pub fn cache_time(&self) -> i64 {
        seconds(self.jwks_max_age_seconds.duration()) + PROPAGATION
    }
}

impl Config {
    /// How long the stages of a key's life last. A node that does not see the database signs with a key past its turn for as
    /// long as it issues tokens at all, so a key stays published that much longer.
    pub fn key_schedule(&self) -> KeySchedule {
        let days = i64::try_from(self.keys.rotate_every_days.get()).unwrap_or(i64::MAX);
        KeySchedule {
            rotate_every: (days > 0).then(|| days.saturating_mul(86_400)),
            publish_ahead: seconds(self.keys.publish_ahead_seconds.duration()),
            cache_time: self.keys.cache_time(),
            keep_after: seconds(self.registry.max_staleness_seconds.duration()) + TOKEN_AND_LEEWAY + PROPAGATION,
        }
    }
}

impl LoadedConfig {
    /// What contradicts itself in `[keys]`.
    pub(super) fn check_keys(&self, problems: &mut Vec<Problem>) {
        let keys = &self.config.keys;
        let mut refuse = |key: &str, sentence: String| {
            problems.push(Problem { place: self.place(key), key: Some(key.to_owned()), sentence });
        };
        let (ahead, least) = (seconds(keys.publish_ahead_seconds.duration()), keys.cache_time());
        if ahead < least {
            let sentence = format!(
                "`keys.publish_ahead_seconds` is {ahead}; expected at least {least}: `keys.jwks_max_age_seconds`, for which \
                 others may not know a new key, and {PROPAGATION} s"
            );
            refuse("keys.publish_ahead_seconds", sentence);
        }
        if keys.store == KeyStoreName::Pkcs11 && keys.pkcs11_token().is_none() {
            let sentence = "`keys.store` is \"pkcs11\"; expected `keys.pkcs11_module`, `keys.pkcs11_token_label` and \
                            `keys.pkcs11_pin_file` as well";
            refuse("keys.store", sentence.to_owned());
        }
    }
}

fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

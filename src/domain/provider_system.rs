//! A provider: a registered FHIR service that accepts tokens.

use std::{collections::BTreeSet, fmt, str::FromStr};

use careconnect_verifier::{Algorithm, Asid, Group, OdsCode};
use serde::Serialize;

use super::{DisplayName, RegistrationStatus, ServiceRoot};
use crate::clock::UnixTime;

/// A registered FHIR service; its service root is the audience of its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSystem {
    /// Its accredited system, unique among providers.
    pub asid: Asid,
    /// The organisation that publishes.
    pub ods_code: OdsCode,
    /// What people call it.
    pub name: DisplayName,
    /// The token's `aud`, unique among providers.
    pub service_root: ServiceRoot,
    /// What its tokens are signed with.
    pub signing_algorithm: Algorithm,
    /// How long its tokens live.
    pub token_lifetime: TokenLifetime,
    /// Whether its tokens name the consumer's certificate (RFC 8705 §3.1).
    pub certificate_bound: bool,
    /// The shape of its tokens.
    pub claims_profile: ClaimsProfile,
    /// The groups that it honours.
    pub groups: BTreeSet<Group>,
    /// Whether it gets tokens at all.
    pub status: RegistrationStatus,
    /// When it was registered.
    pub created_at: UnixTime,
}

impl ProviderSystem {
    /// Are tokens issued for it?
    pub const fn is_active(&self) -> bool {
        self.status.is_active()
    }
}

/// How long a token lives: 1 to 3600 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TokenLifetime(u16);

impl TokenLifetime {
    /// Five minutes, as the Spine JWT.
    pub const DEFAULT: Self = Self(300);

    /// Accepts 1 to 3600.
    pub fn from_seconds(seconds: i64) -> Result<Self, InvalidLifetime> {
        match u16::try_from(seconds) {
            Ok(valid @ 1..=3600) => Ok(Self(valid)),
            _ => Err(InvalidLifetime(seconds)),
        }
    }

    /// In seconds.
    pub fn seconds(self) -> i64 {
        i64::from(self.0)
    }
}

impl FromStr for TokenLifetime {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
        Self::from_seconds(seconds).map_err(|error| error.to_string())
    }
}

/// A token lifetime outside its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token lifetime of {0} seconds is outside 1 to 3600")]
pub struct InvalidLifetime(pub i64);

/// The shape of a provider's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimsProfile {
    /// RFC 9068 with the Spine claims.
    CareConnect,
    /// The same, and what code for the original Azure AD tokens looks for.
    Entra,
}

impl ClaimsProfile {
    /// The name in the register.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CareConnect => "careconnect",
            Self::Entra => "entra",
        }
    }
}

impl fmt::Display for ClaimsProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ClaimsProfile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::CareConnect, Self::Entra]
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| format!("{text:?} is not a claims profile: expected careconnect or entra"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_at_most_an_hour() {
        assert_eq!(TokenLifetime::from_seconds(3600).map(TokenLifetime::seconds), Ok(3600));
        for seconds in [0, -1, 3601, i64::MAX] {
            assert_eq!(TokenLifetime::from_seconds(seconds), Err(InvalidLifetime(seconds)));
        }
    }
}

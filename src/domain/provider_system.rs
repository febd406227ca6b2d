//! A provider: a registered FHIR service that accepts tokens.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use careconnect_verifier::{Algorithm, Asid, Group, OdsCode, OrganisationType};
use serde::Serialize;

use super::{ConsumerSystem, DisplayName, RegisteredCertificate, RegistrationStatus, ServiceRoot};
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
    /// The groups that it honours, each with those whom it admits for it.
    pub groups: BTreeMap<Group, HonouredGroup>,
    /// What proves that a caller is it, in the order of [`RegisteredCertificate::in_order`].
    pub certificates: Vec<RegisteredCertificate>,
    /// Whether it gets tokens at all.
    pub status: RegistrationStatus,
    /// When it was registered.
    pub created_at: UnixTime,
}

impl ProviderSystem {
    /// The groups that it honours at present.
    pub fn honoured(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|(_, honoured)| honoured.suspended_at.is_none()).map(|(group, _)| group)
    }

    /// Are tokens issued for it?
    pub const fn is_active(&self) -> bool {
        self.status.is_active()
    }
}

/// What a provider says of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HonouredGroup {
    /// Since when it does not honour the group, for the time being.
    pub suspended_at: Option<UnixTime>,
    /// The organisation types that it admits; all when empty.
    pub organisation_types: BTreeSet<OrganisationType>,
    /// The organisations that it admits; all when empty.
    pub ods_codes: BTreeSet<OdsCode>,
    /// The systems that it admits; all when empty.
    pub asids: BTreeSet<Asid>,
}

impl HonouredGroup {
    /// Does it admit `consumer`? Every list that is given must contain it.
    pub fn admits(&self, consumer: &ConsumerSystem) -> bool {
        fn contains<T: Ord>(list: &BTreeSet<T>, value: &T) -> bool {
            list.is_empty() || list.contains(value)
        }
        contains(&self.organisation_types, &consumer.organisation.organisation_type)
            && contains(&self.ods_codes, &consumer.organisation.ods_code)
            && contains(&self.asids, &consumer.asid)
    }
}

impl fmt::Display for HonouredGroup {
    /// Whom it admits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(name: &str, values: impl Iterator<Item = impl AsRef<str>>) -> Option<String> {
            let values: Vec<String> = values.map(|value| value.as_ref().to_owned()).collect();
            (!values.is_empty()).then(|| format!("{name} {}", values.join(" or ")))
        }
        let lists = [
            list("organisation type", self.organisation_types.iter().map(OrganisationType::as_str)),
            list("organisation", self.ods_codes.iter().map(OdsCode::as_str)),
            list("system", self.asids.iter().map(Asid::as_str)),
        ];
        let said: Vec<String> = lists.into_iter().flatten().collect();
        f.write_str(if said.is_empty() { "all" } else { "" })?;
        f.write_str(&said.join(", "))
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

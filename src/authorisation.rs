//! The one decision: which groups go into a token. Pure: no clock, no database, no network.
//!
//! Groups in a token = what the consumer has ∩ what its certificate's policies allow ∩ what the provider honours ∩ what
//! was asked for.

use std::collections::BTreeSet;

use careconnect_verifier::{AccessTokenClaims, Asid, ClientId, Confirmation, Group};
use uuid::Uuid;

use crate::{
    authentication::AuthenticatedConsumer,
    clock::UnixTime,
    domain::{
        CertificatePolicy, ConsumerSystem, FailedCheck, GroupDefinition, KeyThumbprint, Organisation, ProviderSystem,
        Reason, Refusal, RequestedAccess,
    },
};

/// What a consumer gets. Only [`authorise`] makes one, from a consumer that has proven itself.
#[derive(Debug)]
pub struct GrantedAccess {
    client_id: ClientId,
    asid: Asid,
    organisation: Organisation,
    audience: String,
    lifetime: i64,
    groups: BTreeSet<Group>,
    scope: String,
    confirmation: Option<Confirmation>,
}

/// Why a proven consumer gets nothing from this provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// No group, interaction or scope has this name.
    #[error(
        "scope {0:?} is unknown: ask for group URNs, interaction URNs or scopes such as organization/slot.read, separated \
         by spaces; a provider is named by resource=<service root> or <service root>/.default"
    )]
    ScopeUnknown(String),
    /// The consumer has not been assured for it.
    #[error("this consumer does not hold {asked_for:?}; it holds {held}")]
    GroupNotHeld {
        /// The name in the request.
        asked_for: String,
        /// What the consumer holds, space-separated.
        held: String,
    },
    /// The certificate that proved the consumer was issued for other purposes.
    #[error("the certificate may not obtain {asked_for:?}: the policies {policies} allow it {allowed}")]
    GroupNotPermitted {
        /// The name in the request.
        asked_for: String,
        /// What the certificate may obtain, space-separated.
        allowed: String,
        /// The policies that say so.
        policies: String,
    },
    /// The provider does not accept it.
    #[error("the provider does not honour {asked_for:?}; it honours {honoured}")]
    GroupNotHonoured {
        /// The name in the request.
        asked_for: String,
        /// What the provider honours, space-separated.
        honoured: String,
    },
    /// The consumer holds no group at all.
    #[error("this consumer holds no group")]
    HoldsNothing,
    /// The consumer holds groups, and its certificate may obtain none of them.
    #[error("the certificate may obtain no group that this consumer holds: the policies {policies} allow it {allowed}")]
    NothingPermitted {
        /// What the consumer holds, space-separated.
        held: String,
        /// What the certificate may obtain, space-separated.
        allowed: String,
        /// The policies that say so.
        policies: String,
    },
    /// The two have nothing in common.
    #[error("this consumer holds no group that the provider honours; it holds {held}")]
    NothingInCommon {
        /// What the consumer holds, space-separated.
        held: String,
    },
}

impl From<AccessDenied> for Refusal {
    fn from(denied: AccessDenied) -> Self {
        use AccessDenied as D;
        let (reason, expected, received) = match &denied {
            D::ScopeUnknown(name) => (Reason::ScopeUnknown, "a group, an interaction or a scope in the register", name),
            D::GroupNotHeld { asked_for, held } => (Reason::GroupNotHeld, held.as_str(), asked_for),
            D::GroupNotPermitted { asked_for, allowed, .. } => (Reason::GroupNotPermitted, allowed.as_str(), asked_for),
            D::NothingPermitted { allowed, held, .. } => (Reason::GroupNotPermitted, allowed.as_str(), held),
            D::GroupNotHonoured { asked_for, honoured } => (Reason::GroupNotHonoured, honoured.as_str(), asked_for),
            D::HoldsNothing => (Reason::NothingGranted, "a consumer with a group", &"one without".to_owned()),
            D::NothingInCommon { held } => (Reason::NothingGranted, "a group that the provider honours", held),
        };
        Self::new(reason, denied.to_string()).with_check(FailedCheck::new(reason.name(), expected, received))
    }
}

/// Decides what `requester` gets at `provider`. `known` is the register's list of groups, `policies` that of policies for
/// certificates.
pub fn authorise(
    requester: &AuthenticatedConsumer,
    provider: &ProviderSystem,
    access: &RequestedAccess,
    known: &[GroupDefinition],
    policies: &[CertificatePolicy],
) -> Result<GrantedAccess, AccessDenied> {
    let (consumer, cap) = (requester.consumer(), Cap::on(requester, policies));
    let groups = granted_groups(consumer, provider, access, known, cap.as_ref())?;
    let scopes: BTreeSet<&str> =
        known.iter().filter(|known| groups.contains(&known.group)).map(|known| known.scope.as_str()).collect();
    let certificate = requester.certificate().filter(|_| provider.certificate_bound);
    Ok(GrantedAccess {
        client_id: consumer.client_id.clone(),
        asid: consumer.asid.clone(),
        organisation: consumer.organisation.clone(),
        audience: provider.service_root.as_str().to_owned(),
        lifetime: provider.token_lifetime.seconds(),
        scope: scopes.into_iter().collect::<Vec<_>>().join(" "),
        confirmation: certificate.map(|thumbprint| Confirmation { x5t_s256: thumbprint.to_string() }),
        groups,
    })
}

/// What `requester` may obtain of some provider or other: what it holds, less what its certificate's policies keep back.
pub fn obtainable(requester: &AuthenticatedConsumer, cap: Option<&Cap>) -> Result<BTreeSet<Group>, AccessDenied> {
    permitted_groups(requester.consumer(), cap)
}

/// What the policies leave to a certificate.
#[derive(Debug)]
pub struct Cap {
    allowed: BTreeSet<Group>,
    /// The names of those that say so.
    pub policies: String,
}

impl Cap {
    /// On the certificate that proved `requester`, if one did and a policy concerns it.
    pub fn on(requester: &AuthenticatedConsumer, policies: &[CertificatePolicy]) -> Option<Self> {
        requester.proof().and_then(|proof| Self::of(policies, proof.hosts(), proof.issuers()))
    }

    /// None when no policy concerns the certificate; of several, what all of them allow.
    fn of<'a>(
        policies: &[CertificatePolicy],
        hosts: impl Iterator<Item = &'a str> + Clone,
        issuers: &[KeyThumbprint],
    ) -> Option<Self> {
        let mut concerning = policies.iter().filter(|policy| policy.concerns(hosts.clone(), issuers));
        let first = concerning.next()?;
        let mut cap = Self { allowed: first.groups.clone(), policies: format!("{:?}", first.name.as_str()) };
        for policy in concerning {
            cap.allowed.retain(|group| policy.groups.contains(group));
            cap.policies.push_str(&format!(", {:?}", policy.name.as_str()));
        }
        Some(cap)
    }
}

fn permitted_groups(consumer: &ConsumerSystem, cap: Option<&Cap>) -> Result<BTreeSet<Group>, AccessDenied> {
    let is_permitted = |group: &&Group| cap.is_none_or(|cap| cap.allowed.contains(*group));
    let permitted: BTreeSet<Group> = consumer.groups.iter().filter(is_permitted).cloned().collect();
    match cap {
        _ if !permitted.is_empty() => Ok(permitted),
        Some(Cap { allowed, policies }) if !consumer.groups.is_empty() => {
            let held = joined(&consumer.groups);
            Err(AccessDenied::NothingPermitted { held, allowed: joined(allowed), policies: policies.clone() })
        }
        _ => Err(AccessDenied::HoldsNothing),
    }
}

fn granted_groups(
    consumer: &ConsumerSystem,
    provider: &ProviderSystem,
    access: &RequestedAccess,
    known: &[GroupDefinition],
    cap: Option<&Cap>,
) -> Result<BTreeSet<Group>, AccessDenied> {
    let RequestedAccess::Only(names) = access else {
        let permitted = permitted_groups(consumer, cap)?;
        let common: BTreeSet<Group> = permitted.intersection(&provider.groups).cloned().collect();
        let nothing = || AccessDenied::NothingInCommon { held: joined(&permitted) };
        return if common.is_empty() { Err(nothing()) } else { Ok(common) };
    };
    let is_permitted = |group: &&Group| cap.is_none_or(|cap| cap.allowed.contains(*group));
    let mut granted = BTreeSet::new();
    for name in names {
        let meant = groups_meant_by(name, known);
        if meant.is_empty() {
            return Err(AccessDenied::ScopeUnknown(name.clone()));
        }
        let mut held = meant.into_iter().filter(|group| consumer.groups.contains(group)).peekable();
        if held.peek().is_none() {
            return Err(AccessDenied::GroupNotHeld { asked_for: name.clone(), held: joined(&consumer.groups) });
        }
        let mut permitted = held.filter(is_permitted).peekable();
        if let (None, Some(Cap { allowed, policies })) = (permitted.peek(), cap) {
            let (allowed, policies) = (joined(allowed), policies.clone());
            return Err(AccessDenied::GroupNotPermitted { asked_for: name.clone(), allowed, policies });
        }
        let mut honoured = permitted.filter(|group| provider.groups.contains(group)).peekable();
        if honoured.peek().is_none() {
            let honoured = joined(&provider.groups);
            return Err(AccessDenied::GroupNotHonoured { asked_for: name.clone(), honoured });
        }
        granted.extend(honoured.cloned());
    }
    Ok(granted)
}

/// A name in `scope` is a group, or an interaction, or a SMART-style scope, in that order; the latter two may stand for
/// several groups.
fn groups_meant_by<'a>(name: &str, known: &'a [GroupDefinition]) -> Vec<&'a Group> {
    let matching = |matches: &dyn Fn(&GroupDefinition) -> bool| -> Vec<&'a Group> {
        known.iter().filter(|definition| matches(definition)).map(|definition| &definition.group).collect()
    };
    let group = matching(&|definition| definition.group.as_str() == name);
    if !group.is_empty() {
        return group;
    }
    matching(&|definition| {
        definition.scope.as_str() == name
            || definition.interactions.iter().any(|interaction| interaction.as_str() == name)
    })
}

fn joined(groups: &BTreeSet<Group>) -> String {
    groups.iter().map(Group::as_str).collect::<Vec<_>>().join(" ")
}

impl GrantedAccess {
    /// The scopes granted, space-separated.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// How long it lasts, in seconds.
    pub const fn lifetime(&self) -> i64 {
        self.lifetime
    }

    /// The groups granted, sorted.
    pub const fn groups(&self) -> &BTreeSet<Group> {
        &self.groups
    }

    /// What a token for it says when `issuer` issues it at `now`.
    pub fn claims(&self, issuer: &str, token_id: Uuid, now: UnixTime) -> AccessTokenClaims {
        AccessTokenClaims {
            iss: issuer.to_owned(),
            sub: self.asid.uri(),
            aud: self.audience.clone(),
            iat: now.0,
            nbf: Some(now.0),
            exp: now.plus(self.lifetime).0,
            jti: token_id.to_string(),
            client_id: self.client_id.clone(),
            scope: Some(self.scope.clone()),
            asid: self.asid.clone(),
            ods_code: self.organisation.ods_code.clone(),
            org_type: self.organisation.organisation_type.clone(),
            groups: self.groups.iter().cloned().collect(),
            requesting_system: Some(self.asid.uri()),
            requesting_organization: Some(self.organisation.ods_code.uri()),
            reason_for_request: Some("directcare".to_owned()),
            cnf: self.confirmation.clone(),
        }
    }
}

#[cfg(test)]
mod tests;

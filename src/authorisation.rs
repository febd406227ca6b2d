//! The one decision: which groups go into a token. Pure: no clock, no database, no network.
//!
//! Groups in a token = what the consumer holds, for all four behind it are assured ∩ what its certificate's policies allow
//! ∩ what the provider honours, and admits this consumer for ∩ what was asked for.

mod choice;
mod denied;

use std::collections::BTreeSet;

use careconnect_verifier::{AccessTokenClaims, Asid, ClientId, Confirmation, Group};
use uuid::Uuid;

use crate::{
    authentication::AuthenticatedConsumer,
    clock::UnixTime,
    domain::{
        Assured, CertificatePolicy, GroupDefinition, KeyThumbprint, Organisation, ProviderSystem, RequestedAccess,
    },
};
use choice::Choice;
pub use denied::AccessDenied;

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

/// What a decision looks at beside the two registrations.
#[derive(Debug)]
pub struct Rules<'a> {
    /// All groups.
    pub groups: &'a [GroupDefinition],
    /// All policies for certificates.
    pub policies: &'a [CertificatePolicy],
    /// What is recorded of the four behind the consumer.
    pub assured: &'a Assured,
    /// When the decision is made.
    pub now: UnixTime,
}

/// Decides what `requester` gets at `provider`.
pub fn authorise(
    requester: &AuthenticatedConsumer,
    provider: &ProviderSystem,
    access: &RequestedAccess,
    rules: &Rules<'_>,
) -> Result<GrantedAccess, AccessDenied> {
    let (consumer, cap) = (requester.consumer(), Cap::on(requester, rules.policies));
    let groups = Choice::of(consumer, provider, rules, cap.as_ref()).granted(access)?;
    let known = rules.groups.iter();
    let scopes: BTreeSet<&str> =
        known.filter(|known| groups.contains(&known.group)).map(|known| known.scope.as_str()).collect();
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

/// What a consumer may obtain of some provider or other: what it holds, less what its certificate's policies keep back.
pub fn obtainable(assured: &Assured, cap: Option<&Cap>, now: UnixTime) -> Result<BTreeSet<Group>, AccessDenied> {
    let held = assured.groups_at(now);
    if held.is_empty() {
        return Err(choice::holds_nothing(assured, now));
    }
    choice::permitted(&held, cap)
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

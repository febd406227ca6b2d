//! Why a proven consumer gets nothing, and how that is said.

use crate::domain::{FailedCheck, Reason, Refusal};

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
    /// It is assured for it in part, or was, or will be.
    #[error("this consumer does not hold {asked_for:?} now: {lapses}")]
    GroupNotAssured {
        /// The name in the request.
        asked_for: String,
        /// Which of the four do not stand, and why.
        lapses: String,
    },
    /// An administrator has taken it out of all tokens, for the time being.
    #[error("{asked_for:?} is suspended for everybody since {since}")]
    GroupSuspended {
        /// The name in the request, or the groups that are held.
        asked_for: String,
        /// Since when.
        since: String,
    },
    /// The provider honours it, and not for this consumer.
    #[error("the provider does not admit this consumer for {asked_for:?}; it admits {admits}")]
    RequesterNotAdmitted {
        /// The name in the request, or the groups that both have.
        asked_for: String,
        /// Whom it admits.
        admits: String,
        /// Who asks.
        requester: String,
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
            D::GroupNotAssured { asked_for, lapses } => {
                let received = format!("{asked_for}: {lapses}");
                let check = FailedCheck::new("group_not_assured", "four assurances that stand", received);
                return Self::new(Reason::GroupNotAssured, denied.to_string()).with_check(check);
            }
            D::GroupSuspended { asked_for, since } => {
                let received = format!("{asked_for}, suspended since {since}");
                let check = FailedCheck::new("group_suspended", "a group that is in use", received);
                return Self::new(Reason::GroupSuspended, denied.to_string()).with_check(check);
            }
            D::RequesterNotAdmitted { admits, requester, .. } => {
                (Reason::RequesterNotAdmitted, admits.as_str(), requester)
            }
            D::HoldsNothing => (Reason::NothingGranted, "a consumer with a group", &"one without".to_owned()),
            D::NothingInCommon { held } => (Reason::NothingGranted, "a group that the provider honours", held),
        };
        Self::new(reason, denied.to_string()).with_check(FailedCheck::new(reason.name(), expected, received))
    }
}

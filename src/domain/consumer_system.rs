//! A consumer: one registration of one service, run by one organisation on one accredited system.

use std::{collections::BTreeSet, sync::Arc};

use careconnect_verifier::{Asid, ClientId, Group, OdsCode, OrganisationType};
use serde::Serialize;

use super::{Credential, CredentialKind, DisplayName};
use crate::clock::UnixTime;

/// A registered service that asks for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSystem {
    /// The registration's id, which OAuth calls `client_id`.
    pub client_id: ClientId,
    /// What people call the service.
    pub name: DisplayName,
    /// The accredited system; several services of one organisation and system may share it.
    pub asid: Asid,
    /// Who delivers the service.
    pub organisation: Organisation,
    /// What it has been assured to do.
    pub groups: BTreeSet<Group>,
    /// Its ways in.
    pub credentials: Vec<Arc<Credential>>,
    /// Whether it may come in at all.
    pub status: ConsumerStatus,
    /// When it was registered.
    pub created_at: UnixTime,
}

/// The organisation that a consumer works for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    /// Its code in the Organisation Data Service.
    pub ods_code: OdsCode,
    /// Its type in the open code list that `searchFilter` used to claim.
    pub organisation_type: OrganisationType,
}

/// A registration's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerStatus {
    /// Gets tokens.
    Active,
    /// Gets none until it is resumed.
    Suspended {
        /// Since when.
        at: UnixTime,
    },
}

impl ConsumerSystem {
    /// The credentials that count at `now`.
    pub fn credentials_at(&self, now: UnixTime) -> impl Iterator<Item = &Arc<Credential>> {
        self.credentials.iter().filter(move |credential| credential.is_valid_at(now))
    }

    /// Does it hold a secret at `now`?
    pub fn holds_secret_at(&self, now: UnixTime) -> bool {
        self.credentials_at(now).any(|credential| matches!(credential.kind, CredentialKind::Secret(_)))
    }

    /// May it come in?
    pub const fn is_active(&self) -> bool {
        matches!(self.status, ConsumerStatus::Active)
    }
}

//! Where the register and the Spine Directory Service contradict each other.

use std::fmt;

use careconnect_verifier::{Asid, Group};
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::UnixTime;

/// The whole register, held against the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryComparison {
    /// When.
    pub compared_at: UnixTime,
    /// How many systems the directory was asked for.
    pub systems: usize,
    /// What contradicts it, in the order of the ASIDs.
    pub drifts: Vec<Drift>,
    /// Why its answers are not believed, if they are not: then nothing is suspended for them.
    pub doubt: Option<String>,
}

impl DirectoryComparison {
    /// As people and programs are shown it, each drift with its sentence.
    pub fn document(&self) -> Value {
        let detailed = self.drifts.iter().map(|drift| {
            let mut shown = json!(drift);
            shown["detail"] = drift.to_string().into();
            shown
        });
        json!({
            "compared_at": self.compared_at.to_string(), "systems": self.systems,
            "drifts": detailed.collect::<Vec<_>>(), "doubt": self.doubt,
        })
    }
}

/// One contradiction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Of what kind.
    pub kind: DriftKind,
    /// `consumer` or `provider`.
    pub subject: &'static str,
    /// Its client id, or its ASID.
    pub identifier: String,
    /// What people call it.
    pub name: String,
    /// Its system.
    pub asid: Asid,
    /// For which group the directory has no interaction.
    pub group: Option<Group>,
    /// What is registered.
    pub registered: String,
    /// What the directory says, when it says anything.
    pub directory: Option<String>,
    /// Whether the registration, or its group, is suspended.
    pub suspended: bool,
}

/// In what register and directory can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// The directory has no such system.
    AsidGone,
    /// The system is another organisation's, and serves not this one.
    OdsCodeChanged,
    /// A group stands for which the system has no interaction.
    InteractionWithdrawn,
    /// The name in the certificate is none of the party's.
    FqdnDiffers,
}

impl DriftKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::AsidGone, Self::OdsCodeChanged, Self::InteractionWithdrawn, Self::FqdnDiffers];

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsidGone => "asid_gone",
            Self::OdsCodeChanged => "ods_code_changed",
            Self::InteractionWithdrawn => "interaction_withdrawn",
            Self::FqdnDiffers => "fqdn_differs",
        }
    }
}

impl fmt::Display for Drift {
    /// What the directory says, for the log and the audit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asid, registered, .. } = self;
        let said = self.directory.as_deref().unwrap_or("nothing");
        match self.kind {
            DriftKind::AsidGone => write!(f, "the directory has no system {asid}"),
            DriftKind::OdsCodeChanged => {
                write!(f, "the directory says that system {asid} belongs to {said}, not to {registered}")
            }
            DriftKind::InteractionWithdrawn => {
                write!(f, "the directory lists no interaction of {registered} for system {asid}")
            }
            DriftKind::FqdnDiffers => {
                write!(f, "the directory knows the party of system {asid} by the name {said}, not by {registered}")
            }
        }
    }
}

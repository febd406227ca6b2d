//! A registration's life, a consumer's or a provider's.

use std::fmt;

use crate::clock::UnixTime;

/// Does a registration count?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationStatus {
    /// Tokens are issued to it, or for it.
    Active,
    /// None are, until it is resumed.
    Suspended {
        /// Since when.
        at: UnixTime,
    },
    /// None ever will be.
    Retired {
        /// Since when.
        at: UnixTime,
    },
}

impl RegistrationStatus {
    /// The status of what was suspended then, if it was.
    pub const fn suspended_since(at: Option<UnixTime>) -> Self {
        Self::of(at, None)
    }

    /// The status of what was suspended and retired then, as far as it was.
    pub const fn of(suspended_at: Option<UnixTime>, retired_at: Option<UnixTime>) -> Self {
        match (suspended_at, retired_at) {
            (_, Some(at)) => Self::Retired { at },
            (Some(at), None) => Self::Suspended { at },
            (None, None) => Self::Active,
        }
    }

    /// Since when it is suspended, if so.
    pub const fn suspended_at(self) -> Option<UnixTime> {
        match self {
            Self::Suspended { at } => Some(at),
            Self::Active | Self::Retired { .. } => None,
        }
    }

    /// Since when it is retired, if so.
    pub const fn retired_at(self) -> Option<UnixTime> {
        match self {
            Self::Retired { at } => Some(at),
            Self::Active | Self::Suspended { .. } => None,
        }
    }

    /// Does it count?
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended { .. } => "suspended",
            Self::Retired { .. } => "retired",
        }
    }
}

impl fmt::Display for RegistrationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Active => Ok(()),
            Self::Suspended { at } | Self::Retired { at } => write!(f, " since {at}"),
        }
    }
}

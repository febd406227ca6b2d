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
}

impl RegistrationStatus {
    /// The status of what was suspended then, if it was.
    pub const fn suspended_since(at: Option<UnixTime>) -> Self {
        match at {
            Some(at) => Self::Suspended { at },
            None => Self::Active,
        }
    }

    /// Since when it does not count, if so.
    pub const fn suspended_at(self) -> Option<UnixTime> {
        match self {
            Self::Suspended { at } => Some(at),
            Self::Active => None,
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
        }
    }
}

impl fmt::Display for RegistrationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.suspended_at().map_or(Ok(()), |at| write!(f, " since {at}"))
    }
}

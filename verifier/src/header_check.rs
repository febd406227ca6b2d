//! How seriously a provider takes what a header says.

use crate::Rejection;

/// How seriously a provider takes a header that is to be held against the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderCheck {
    /// It must be there, and be right.
    Required,
    /// It need not be there; if it is, it must be right.
    #[default]
    WhenSent,
    /// What is wrong with it, or that it is missing, is logged; the request goes on.
    Reported,
    /// It is not looked at.
    Off,
}

impl HeaderCheck {
    /// Refuses, or notes in `reports` what does not stop the request.
    pub(crate) fn unless_reported(self, wrong: Rejection, reports: &mut Vec<Rejection>) -> Result<(), Rejection> {
        match self {
            Self::Required | Self::WhenSent => Err(wrong),
            Self::Reported => {
                reports.push(wrong);
                Ok(())
            }
            Self::Off => Ok(()),
        }
    }
}

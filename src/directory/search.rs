//! One search, and what a result code means (RFC 4511 §4.1.9, appendix A).

use std::time::Duration;

use ldap3::{Ldap, LdapError, LdapResult, Scope, SearchEntry, SearchOptions};

use super::{Directory, DirectoryError, connection::within, entry::Entry};
use crate::telemetry::legible;

/// What was found below the base.
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    /// Or is this as much as the directory gives at once?
    pub(super) is_complete: bool,
    /// Whether the directory says that others know more. They are not asked.
    pub(super) has_references: bool,
}

/// Says that nobody in particular asks: the client certificate has said who it is.
pub(super) async fn bind(ldap: &mut Ldap) -> Result<(), DirectoryError> {
    let result = ldap.simple_bind("", "").await.map_err(|error| misunderstood(&error))?;
    is_complete(&result).map(drop)
}

impl Directory {
    /// Is the base there?
    pub(super) async fn find_base(&self, ldap: &mut Ldap) -> Result<(), DirectoryError> {
        self.search(ldap, Scope::Base, "(objectClass=*)", &["1.1"], 1).await.map(drop)
    }

    /// At most `most` entries below the base.
    pub(super) async fn find(
        &self,
        ldap: &mut Ldap,
        filter: &str,
        attributes: &[&str],
        most: u16,
    ) -> Result<Found, DirectoryError> {
        self.search(ldap, Scope::Subtree, filter, attributes, most).await
    }

    async fn search(
        &self,
        ldap: &mut Ldap,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        most: u16,
    ) -> Result<Found, DirectoryError> {
        let limit = self.settings.timeout_seconds.duration();
        ldap.with_search_options(options(limit, most));
        let base = self.settings.base.as_str();
        within(limit, "a search", async {
            let stream = ldap.streaming_search(base, scope, filter, attributes).await;
            let mut stream = stream.map_err(|error| misunderstood(&error))?;
            let (mut entries, mut has_references) = (Vec::new(), false);
            while let Some(found) = stream.next().await.map_err(|error| misunderstood(&error))? {
                if found.is_ref() {
                    has_references = true;
                } else if entries.len() < usize::from(most) {
                    entries.push(Entry::from(SearchEntry::construct(found))); // whose form `messages` has seen to
                } else {
                    return Err(DirectoryError::odd(format!("it sends more than the {most} entries asked for")));
                }
            }
            let is_complete = is_complete(&stream.finish().await)?;
            Ok(Found { entries, is_complete, has_references })
        })
        .await
    }
}

fn options(limit: Duration, most: u16) -> SearchOptions {
    let seconds = i32::try_from(limit.as_secs()).unwrap_or(i32::MAX);
    SearchOptions::new().timelimit(seconds).sizelimit(most.into())
}

/// Whether the result is all that there is, unless it is none.
fn is_complete(result: &LdapResult) -> Result<bool, DirectoryError> {
    let said = || legible(&result.to_string());
    match result.rc {
        0 => Ok(true),
        4 | 11 => Ok(false), // sizeLimitExceeded, adminLimitExceeded
        3 => Err(DirectoryError::Unreachable(format!("it gives up: {}", said()))),
        51 | 52 => Err(DirectoryError::Unreachable(format!("it does not serve now: {}", said()))),
        7 | 8 | 13 | 48..=50 | 53 => Err(DirectoryError::Refused(said())),
        10 => Err(DirectoryError::odd("it refers to another directory, which is not asked")),
        32 => Err(DirectoryError::odd("it has no entry of the name `directory.base`, or does not show it")),
        _ => Err(DirectoryError::odd(said())),
    }
}

fn misunderstood(error: &LdapError) -> DirectoryError {
    DirectoryError::odd(legible(&error.to_string()))
}

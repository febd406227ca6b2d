//! Policy per interaction: what a request does, and which group permits it.

mod path;
mod text;

use crate::{Group, InteractionId, KNOWN_GROUPS};

use path::PathPattern;
pub use text::InvalidInteractions;

/// What each request to a provider does, and the groups of which one permits it. What is not in the table is refused.
///
/// A table is text, a line for each operation, of which the first that fits a request counts: the method, the path below the
/// service root, what it is, and, if that needs saying, a group that permits it.
///
/// ```
/// use careconnect_verifier::{Group, InteractionTable};
///
/// let table = InteractionTable::parse("
///     GET  /Slot                                  search:slot
///     POST /Appointment                           create:appointment
///     PUT  /Appointment/{id}                      update:appointment | urn:example:cancel:appointment   needs update:appointment
///     GET  /Schedule/{id}                         urn:example:read:schedule          needs read:slot
///     GET  /health                                open
/// ")?;
/// let operation = table.of_request("POST", "/Appointment").expect("it is in the table");
/// assert_eq!(operation.groups(), [Group::CREATE_APPOINTMENT]);
/// assert!(table.of_request("DELETE", "/Appointment/1").is_none());
/// # Ok::<_, careconnect_verifier::InvalidInteractions>(())
/// ```
///
/// - What follows a `#` is a remark.
/// - A name without `urn:` is one of Care Connect's, `urn:nhs:names:services:careconnect:fhir:rest:…`. Each of its other names
///   counts as well: slot search has three.
/// - `{id}` is any FHIR id (1 to 64 letters, digits, dots and hyphens); everything else in a path compares exactly, with case and
///   without any decoding, so that a spelling that another program reads as the same path is not in the table.
/// - `HEAD` is judged as `GET`.
/// - Where a line has several interactions, `Ssp-InteractionID` says which of them it is; a caller that does not send it must
///   be permitted for each of them.
/// - Without `needs`, the groups are those that permit the interaction at the issuer. `needs none` takes any good token;
///   `open` asks for no token at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InteractionTable {
    operations: Vec<Operation>,
}

/// One line of an [`InteractionTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    method: String,
    path: PathPattern,
    /// Empty for what is open to everybody.
    choices: Vec<Choice>,
}

/// One thing that an operation can be, and the groups of which one permits it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    interaction: InteractionId,
    groups: Vec<Group>,
}

/// Slot search has three names, one of them its group's.
const ALIASES: &[&[InteractionId]] =
    &[&[InteractionId::SEARCH_SLOT, InteractionId::READ_SLOT, InteractionId::A2SI_SEARCH_SLOT]];

impl InteractionTable {
    /// The operations of Care Connect booking (NHS Booking API, "API overview"), below the service root.
    pub fn care_connect() -> Self {
        Self::built_in(text::CARE_CONNECT)
    }

    /// The appointment operations of GP Connect 1.x by their own interactions, permitted by the groups of Care Connect.
    pub fn gp_connect() -> Self {
        Self::built_in(text::GP_CONNECT)
    }

    /// Reads a table in the form that is described above.
    pub fn parse(text: &str) -> Result<Self, InvalidInteractions> {
        text::parse(text)
    }

    /// These operations first, then those of `other`.
    #[must_use]
    pub fn followed_by(mut self, other: Self) -> Self {
        self.operations.extend(other.operations);
        self
    }

    /// The operation that a request with this method and path is. The path is the one below the service root, as it came.
    pub fn of_request(&self, method: &str, path: &str) -> Option<&Operation> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.operations.iter().find(|operation| operation.method == method && operation.path.fits(path))
    }

    /// The groups of which one permits `interaction`, under any of its names; empty when it is not in the table.
    pub fn groups_for(&self, interaction: &InteractionId) -> &[Group] {
        let mut choices = self.operations.iter().flat_map(|operation| &operation.choices);
        choices.find(|choice| is_same(&choice.interaction, interaction)).map_or(&[], |choice| &choice.groups)
    }

    /// Every operation, in the order in which they are tried.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

impl Operation {
    /// Whether it asks for no token.
    pub fn is_open(&self) -> bool {
        self.choices.is_empty()
    }

    /// What it can be.
    pub fn interactions(&self) -> impl Iterator<Item = &InteractionId> {
        self.choices.iter().map(|choice| &choice.interaction)
    }

    /// The groups of which one permits it, of the first interaction; empty for what is open.
    pub fn groups(&self) -> &[Group] {
        self.choices.first().map_or(&[], |choice| &choice.groups)
    }

    #[cfg(feature = "tower")]
    /// The interaction that a caller means by `named`, under the name that the table has for it.
    pub(crate) fn meant_by(&self, named: &InteractionId) -> Option<(&InteractionId, &[Group])> {
        let choice = self.choices.iter().find(|choice| is_same(&choice.interaction, named))?;
        Some((&choice.interaction, &choice.groups))
    }

    #[cfg(feature = "tower")]
    /// Every interaction with the groups of which one permits it.
    pub(crate) fn choices(&self) -> impl Iterator<Item = (&InteractionId, &[Group])> {
        self.choices.iter().map(|choice| (&choice.interaction, choice.groups.as_slice()))
    }
}

fn is_same(one: &InteractionId, other: &InteractionId) -> bool {
    one == other || ALIASES.iter().any(|names| names.contains(one) && names.contains(other))
}

/// The groups that permit `interaction` wherever nothing else has been said.
fn known_groups(interaction: &InteractionId) -> Vec<Group> {
    let permits = |names: &[InteractionId]| names.iter().any(|name| is_same(name, interaction));
    KNOWN_GROUPS.iter().filter(|known| permits(known.interactions)).map(|known| known.group.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(table: &InteractionTable, method: &str, path: &str) -> Vec<Group> {
        table.of_request(method, path).map(|operation| operation.groups().to_vec()).unwrap_or_default()
    }

    #[test]
    fn a_view_only_consumer_searches_slots_and_books_nothing() {
        let table = InteractionTable::care_connect();
        assert_eq!(groups(&table, "GET", "/Slot"), [Group::READ_SLOT]);
        assert_eq!(groups(&table, "HEAD", "/Slot"), [Group::READ_SLOT]);
        assert_eq!(groups(&table, "POST", "/Appointment"), [Group::CREATE_APPOINTMENT]);
        assert_eq!(groups(&table, "PUT", "/Appointment/7"), [Group::UPDATE_APPOINTMENT]);
        assert_eq!(groups(&table, "GET", "/Appointment/7"), [Group::READ_APPOINTMENT]);
    }

    #[test]
    fn every_known_group_permits_the_capability_statement() {
        let known: Vec<_> = KNOWN_GROUPS.iter().map(|known| known.group.clone()).collect();
        assert_eq!(groups(&InteractionTable::care_connect(), "GET", "/metadata"), known);
        assert_eq!(groups(&InteractionTable::gp_connect(), "GET", "/metadata"), known);
    }

    #[test]
    fn slot_search_goes_by_three_names() {
        let table = InteractionTable::care_connect();
        for name in [InteractionId::SEARCH_SLOT, InteractionId::READ_SLOT, InteractionId::A2SI_SEARCH_SLOT] {
            assert_eq!(table.groups_for(&name), [Group::READ_SLOT], "{name}");
        }
        let other = "urn:nhs:names:services:careconnect:fhir:rest:search:slots".parse().unwrap();
        assert_eq!(table.groups_for(&other), []);
    }

    #[test]
    fn what_another_program_may_read_as_the_same_path_is_another() {
        let table = InteractionTable::care_connect();
        for path in [
            "",
            "/",
            "/slot",
            "/Slot/",
            "//Slot",
            "/./Slot",
            "/x/../Slot",
            "/%53lot",
            "/Slot%2F",
            "/Slot;x=1",
            "/Slot\\",
            "/Appointment/..",
            "/Appointment/.",
            "/Appointment/",
            "/Appointment/a/b",
            "/Appointment/a%2Fb",
            "/Appointment/a b",
            "/Appointment/é",
            "Slot",
            "/Slot?status=free",
            "/Appointment/_search",
        ] {
            assert!(table.of_request("GET", path).is_none(), "{path}");
        }
        assert!(table.of_request("GET", &format!("/Appointment/{}", "a".repeat(64))).is_some());
        assert!(table.of_request("GET", &format!("/Appointment/{}", "a".repeat(65))).is_none());
        assert!(table.of_request("get", "/Slot").is_none());
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let own = InteractionTable::parse("GET /Slot urn:example:peek:slot needs urn:example:peek\nGET /health open")
            .unwrap();
        let table = own.followed_by(InteractionTable::care_connect());
        assert_eq!(groups(&table, "GET", "/Slot"), ["urn:example:peek".parse().unwrap()]);
        assert_eq!(groups(&table, "POST", "/Appointment"), [Group::CREATE_APPOINTMENT]);
        assert!(table.of_request("GET", "/health").unwrap().is_open());
    }
}

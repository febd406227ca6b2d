//! Entries of the directory, as text (LDIF, RFC 2849).

pub(super) const READ: &str = "urn:nhs:names:services:careconnect:fhir:rest:read:slot";
pub(super) const CREATE: &str = "urn:nhs:names:services:careconnect:fhir:rest:create:appointment";
const WHO_AND_WHEN: &str = "nhsRequestorURP: SYSTEM\nnhsDateRequested: 20260101090000\nnhsApproverURP: SYSTEM\n\
                            nhsDateApproved: 20260101100000\n";

/// The system of that name in the tree, with more lines.
pub(super) fn system(name: &str, party_key: &str, more: &str) -> String {
    format!(
        "\ndn: uniqueIdentifier={name},ou=Services,o=nhs\nobjectClass: nhsAs\nuniqueIdentifier: {name}\n\
         nhsMHSPartyKey: {party_key}\n{WHO_AND_WHEN}{more}"
    )
}

/// An endpoint of that name in the tree, with more lines.
pub(super) fn endpoint(name: &str, party_key: &str, more: &str) -> String {
    format!(
        "\ndn: uniqueIdentifier={name},ou=Services,o=nhs\nobjectClass: nhsMhs\nuniqueIdentifier: {name}\n\
         nhsIDCode: T11111\nnhsMHSPartyKey: {party_key}\nnhsMhsCPAId: {name}\nnhsMHSRetries:: IA==\n\
         nhsMHSIsAuthenticated: none\nnhsEPInteractionType: FHIR\nnhsContractPropertyTemplateKey: 14\n\
         nhsProductKey: 1\n{WHO_AND_WHEN}nhsDNSApprover: SYSTEM\nnhsDateDNSApproved: 20260101100000\n{more}"
    )
}

/// One of an everyday kind.
pub(super) fn plain_endpoint(name: &str, party_key: &str) -> String {
    let parts = "nhsMHsSN: urn:nhs:names:services:careconnect\nnhsMHsIN: fhir:rest:read:slot\n";
    let place = "nhsMHSEndPoint: https://a.nhs.uk/1\nnhsMhsFQDN: a.nhs.uk\n";
    endpoint(name, party_key, &format!("nhsMhsSvcIA: {READ}\n{parts}{place}"))
}

//! Certificate policies and blocked certificates as they are submitted.

use serde_json::Value;

use super::{Editable, groups, picked};
use crate::{
    clock::UnixTime,
    domain::{
        BlockedCertificate, CertificatePolicy, DisplayName, DistinguishedName, Fields, Registered, SerialNumber,
        fields::{parsed, sentence},
    },
};

impl Editable for CertificatePolicy {
    fn editable(&self) -> Value {
        picked(&self.document(), &["host_prefix", "issuer_key", "groups"])
    }
}

/// A certificate policy; none without its name.
pub fn certificate_policy(
    fields: &mut Fields<'_>,
    before: Option<&CertificatePolicy>,
    name: Option<&DisplayName>,
    now: UnixTime,
) -> Option<CertificatePolicy> {
    let (host_prefix, issuer) = (fields.required("host_prefix", parsed), fields.optional("issuer_key", parsed));
    let groups = groups(fields);
    Some(CertificatePolicy {
        name: name?.clone(),
        host_prefix: host_prefix?,
        issuer,
        groups,
        created_at: before.map_or(now, |before| before.created_at),
        removed_at: before.and_then(|before| before.removed_at),
    })
}

/// A certificate that shall be blocked from `now` on.
pub fn blocked_certificate(fields: &mut Fields<'_>, now: UnixTime) -> Option<BlockedCertificate> {
    let issuer: Option<DistinguishedName> = fields.required("issuer", parsed);
    let serial: Option<SerialNumber> = fields.required("serial", parsed);
    let note = fields.required("note", sentence);
    Some(BlockedCertificate {
        issuer: issuer?.to_string(),
        serial: serial?,
        note: note?,
        blocked_at: now,
        unblocked_at: None,
    })
}

#[cfg(test)]
mod tests {
    use careconnect_verifier::Group;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_reads_as_what_it_was_and_its_faults_are_said_at_once() {
        let before = CertificatePolicy {
            name: "appointments".parse().unwrap(),
            host_prefix: "appt-".parse().unwrap(),
            issuer: Some("ab".repeat(32).parse().unwrap()),
            groups: [Group::READ_SLOT].into(),
            created_at: UnixTime(7),
            removed_at: None,
        };
        let read = |value: &Value| {
            let read =
                |fields: &mut Fields<'_>| certificate_policy(fields, Some(&before), Some(&before.name), UnixTime(9));
            Fields::of(value).read(read)
        };
        assert_eq!(read(&before.editable()), Ok(before.clone()));
        let faults = read(&json!({"host_prefix": "*.", "issuer_key": "x", "groups": []})).unwrap_err();
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/host_prefix", "/issuer_key", "/groups"]);
    }

    #[test]
    fn a_certificate_to_block_is_named_by_issuer_and_serial_number() {
        let value = json!({"issuer": "CN=Test CA,O=NHS", "serial": "0A:0B", "note": "lost"});
        let blocked = Fields::of(&value).read(|fields| blocked_certificate(fields, UnixTime(7))).unwrap();
        assert_eq!((blocked.issuer.as_str(), blocked.serial.as_str()), ("CN=Test CA,O=NHS", "a0b"));
        let value = json!({"issuer": "no name", "serial": "0x1", "note": " "});
        let faults = Fields::of(&value).read(|fields| blocked_certificate(fields, UnixTime(7))).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
    }
}

//! Ways in as they are submitted.

use serde_json::{Value, json};

use super::picked;
use crate::{
    clock::UnixTime,
    domain::{
        CertificateIdentity, ClientKey, ClientSecret, Credential, CredentialKind, DisplayName, DistinguishedName,
        Environment, Fields, KeySetUri, RegisteredCertificate,
        fields::{boolean, parsed, text, time},
        key_set_address::Permitted,
    },
};

/// A way in that an administrator submits.
#[derive(Debug, Clone)]
pub struct SubmittedCredential {
    /// What proves it.
    pub kind: SubmittedKind,
    /// What people call it; none for the name of its kind.
    pub label: Option<DisplayName>,
    /// From when it counts; none for now.
    pub starts_at: Option<UnixTime>,
    /// Until when, if that is known.
    pub ends_at: Option<UnixTime>,
}

/// What proves it.
#[derive(Debug, Clone)]
pub enum SubmittedKind {
    /// A secret that is to be made.
    NewSecret,
    /// A secret that another system has made.
    ImportedSecret(ClientSecret),
    /// A certificate, a key or a key set.
    Public(CredentialKind),
}

/// A way in. A `kind` of `secret` has a `value` only where it is taken over from another system; nobody sees it again.
pub fn credential(fields: &mut Fields<'_>, permitted: Permitted) -> Option<SubmittedCredential> {
    let is_secret = fields.says("kind", "secret");
    let kind = if is_secret {
        fields.required("kind", text);
        let import = |value| ClientSecret::import(text(value)?).map_err(|error| error.to_string());
        let is_given = fields.has("value");
        match fields.optional("value", import) {
            Some(secret) => Some(SubmittedKind::ImportedSecret(secret)),
            None => (!is_given).then_some(SubmittedKind::NewSecret),
        }
    } else {
        public_kind(fields, permitted).map(SubmittedKind::Public)
    };
    let (label, starts_at, ends_at) = life(fields);
    Some(SubmittedCredential { kind: kind?, label, starts_at, ends_at })
}

/// A way in's `label`, `starts_at` and `ends_at`.
pub fn life(fields: &mut Fields<'_>) -> (Option<DisplayName>, Option<UnixTime>, Option<UnixTime>) {
    let (label, starts_at) = (fields.optional("label", parsed), fields.optional("starts_at", time));
    let ends_at = fields.optional("ends_at", time);
    if let (Some(start), Some(end)) = (starts_at, ends_at)
        && end <= start
    {
        fields.fault("ends_at", format!("it would end at {end}, before it starts at {start}"));
    }
    (label, starts_at, ends_at)
}

/// What proves a way in that is no secret: `kind`, `value`, and of certificates `environment`, `self_signed` and
/// `issuer_key`.
pub fn public_kind(fields: &mut Fields<'_>, permitted: Permitted) -> Option<CredentialKind> {
    const KINDS: [&str; 7] = ["san_dns", "san_uri", "subject_dn", "thumbprint", "public_key", "key", "key_set"];
    let kind = fields.required("kind", |value| known_kind(value, "secret, ", &KINDS));
    match kind {
        Some("key") => fields.required("value", key).map(CredentialKind::Key),
        Some("key_set") => {
            let uri = fields.required("value", |value| {
                let uri: KeySetUri = parsed(value)?;
                permitted.check_host(&uri).map_err(|error| error.to_string())?;
                Ok(uri)
            });
            uri.map(CredentialKind::KeySet)
        }
        kind => of_kind(fields, kind).map(CredentialKind::Certificate),
    }
}

/// A certificate that is no credential of a consumer: the same members.
pub(super) fn registered_certificate(fields: &mut Fields<'_>) -> Option<RegisteredCertificate> {
    const KINDS: [&str; 5] = ["san_dns", "san_uri", "subject_dn", "thumbprint", "public_key"];
    let kind = fields.required("kind", |value| known_kind(value, "", &KINDS));
    of_kind(fields, kind)
}

fn known_kind(value: &Value, further: &str, kinds: &[&'static str]) -> Result<&'static str, String> {
    let kind = text(value)?;
    let known = kinds.iter().find(|known| **known == kind);
    known.copied().ok_or_else(|| format!("expected {further}{}", kinds.join(", ")))
}

fn of_kind(fields: &mut Fields<'_>, kind: Option<&str>) -> Option<RegisteredCertificate> {
    let identity = fields.required("value", |value| kind.map(|kind| certificate(kind, text(value)?)).transpose());
    let environment: Option<Environment> = fields.optional("environment", parsed);
    let is_self_signed = fields.optional("self_signed", boolean).unwrap_or_default();
    let issuer = fields.optional("issuer_key", parsed);
    if is_self_signed && !matches!(kind, Some("thumbprint" | "public_key")) {
        fields.fault("self_signed", "only a thumbprint or a public_key names a certificate that signs itself");
    }
    if is_self_signed && (environment.is_some() || issuer.is_some()) {
        fields.fault("self_signed", "nobody vouches for it: expected neither environment nor issuer_key");
    }
    let environment = (!is_self_signed).then(|| environment.unwrap_or_default());
    Some(RegisteredCertificate { identity: identity??, environment, issuer })
}

fn certificate(kind: &str, value: &str) -> Result<CertificateIdentity, String> {
    let identity = match kind {
        "subject_dn" => DistinguishedName::of_one_system(value).map(CertificateIdentity::SubjectDn),
        kind => CertificateIdentity::parse(kind, value),
    };
    identity.map_err(|error| error.to_string())
}

/// A public key: a JWK, as an object or as its text.
fn key(value: &Value) -> Result<ClientKey, String> {
    let text = match value {
        Value::Object(_) => value.to_string(),
        value => text(value).map_err(|_| "expected a JWK: an object".to_owned())?.to_owned(),
    };
    ClientKey::from_jwk(&text).map_err(|error| error.to_string())
}

/// The members by which a way in is submitted again, its `id` first; nothing of a secret but that it is one.
pub fn editable_credential(credential: &Credential) -> Value {
    let names = ["id", "kind", "value", "environment", "issuer_key", "label", "starts_at", "ends_at"];
    let mut editable = picked(&credential.document(), &names);
    if let CredentialKind::Certificate(RegisteredCertificate { environment: None, .. }) = credential.kind {
        editable["self_signed"] = json!(true);
    }
    editable
}

/// The same of a certificate.
pub(super) fn editable_certificate(held: &RegisteredCertificate) -> Value {
    let mut editable = picked(&held.document(), &["kind", "value", "environment", "issuer_key"]);
    if held.environment.is_none() {
        editable["self_signed"] = json!(true);
    }
    editable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CredentialId;

    const POINT: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn read(value: &Value) -> Result<SubmittedCredential, Vec<String>> {
        let read = Fields::of(value).read(|fields| credential(fields, Permitted { private: false }));
        read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    fn public(value: &Value) -> CredentialKind {
        match read(value) {
            Ok(SubmittedCredential { kind: SubmittedKind::Public(kind), .. }) => kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_way_in_reads_as_what_it_was() {
        let issuer = "ab".repeat(32);
        for value in [
            json!({"kind": "san_dns", "value": "A.nhs.uk", "environment": "path-to-live", "issuer_key": issuer}),
            json!({"kind": "san_uri", "value": "spiffe://nhs.uk/a"}),
            json!({"kind": "subject_dn", "value": "CN=a,O=b"}),
            json!({"kind": "thumbprint", "value": "cd".repeat(32), "self_signed": true}),
            json!({"kind": "public_key", "value": "cd".repeat(32)}),
            json!({"kind": "key", "value": {"kty": "OKP", "crv": "Ed25519", "x": POINT, "kid": "a"}}),
            json!({"kind": "key_set", "value": "https://keys.supplier.example/jwks.json"}),
        ] {
            let kind = public(&value);
            let (id, label) = (CredentialId(uuid::Uuid::nil()), "a".to_owned());
            let held = Credential { id, label, kind: kind.clone(), starts_at: UnixTime(7), ends_at: None };
            let mut again = editable_credential(&held);
            again.as_object_mut().unwrap().remove("id");
            assert_eq!(public(&again), kind, "{again}");
        }
    }

    #[test]
    fn a_secret_is_made_or_taken_over() {
        assert!(matches!(read(&json!({"kind": "secret"})).unwrap().kind, SubmittedKind::NewSecret));
        let other = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let imported = read(&json!({"kind": "secret", "value": other})).unwrap();
        assert!(matches!(imported.kind, SubmittedKind::ImportedSecret(secret) if secret.expose() == other));
        for value in ["", "short", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            let faults = read(&json!({"kind": "secret", "value": value, "environment": "live"})).unwrap_err();
            assert_eq!(faults.len(), 2, "{faults:?}");
        }
    }

    #[test]
    fn what_no_administrator_may_register_is_refused_with_its_reason() {
        // R50
        let ec = json!({"kty": "EC", "crv": "P-256", "x": POINT, "y": POINT});
        let weak = json!({"kty": "RSA", "alg": "RS256", "e": "AQAB", "n": POINT});
        let private = json!({"kty": "OKP", "crv": "Ed25519", "x": POINT, "d": POINT});
        for (kind, value) in [
            ("key", private),
            ("key", json!({"kty": "oct", "k": "AAAA"})),
            ("key", json!({"kty": "OKP", "crv": "Ed25519", "x": POINT, "alg": "none"})),
            ("key", json!({"kty": "OKP", "crv": "Ed25519", "x": POINT, "alg": "HS256"})),
            ("key", ec),
            ("key", weak),
            ("key", json!([])),
            ("san_dns", json!("*.nhs.uk")),
            ("san_dns", json!("10.0.0.1")),
            ("san_uri", json!("spiffe://nhs.uk/*")),
            ("subject_dn", json!("CN=*,O=NHS")),
            ("subject_dn", json!("CN=\\2a.nhs.uk,O=NHS")),
            ("thumbprint", json!("abc")),
            ("key_set", json!("http://keys.supplier.example/")),
            ("key_set", json!("https://127.0.0.1/")),
            ("key_set", json!("https://localhost/")),
            ("key_set", json!("https://169.254.169.254/")),
        ] {
            let faults = read(&json!({"kind": kind, "value": value})).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with("/value: "), "{kind} {value}: {faults:?}");
        }
        let faults = read(&json!({
            "kind": "san_dns", "self_signed": true, "environment": "LIVE", "label": "", "starts_at": "2027-01-01T00:00:00Z",
            "ends_at": "2026-01-01T00:00:00Z", "jwk": {},
        }));
        let faults = faults.unwrap_err();
        let pointers: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(pointers, ["/value", "/environment", "/self_signed", "/label", "/ends_at", "/jwk"]);
        let faults = read(&json!({"kind": "password", "value": "x"})).unwrap_err();
        assert!(faults.len() == 1 && faults[0].starts_with("/kind: expected secret, san_dns"), "{faults:?}");
    }
}

//! A token as the verifier would give it, for the tests of what is done with one.

use crate::{AccessTokenClaims, PublicKey, VerifiedToken};

/// Of this organisation and type.
pub(crate) fn token_of(ods_code: &str, organisation_type: &str) -> VerifiedToken {
    let mut claims = claims();
    claims.ods_code = ods_code.parse().unwrap();
    claims.org_type = organisation_type.parse().unwrap();
    proven(claims)
}

/// That ends at `time`.
pub(crate) fn ending_at(time: i64) -> VerifiedToken {
    proven(AccessTokenClaims { exp: time, ..claims() })
}

fn proven(claims: AccessTokenClaims) -> VerifiedToken {
    let key = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    VerifiedToken::new(claims, "k1", PublicKey::from_jwk(key).unwrap().identity())
}

fn claims() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: "https://auth.example.nhs.uk/careconnect".to_owned(),
        sub: "https://fhir.nhs.uk/Id/accredited-system|200000000205".to_owned(),
        aud: "https://provider.example.nhs.uk/A20047/STU3/1".to_owned(),
        iat: 1_800_000_000,
        nbf: None,
        exp: 1_800_000_300,
        jti: "6f1c2d3e-0000-4000-8000-000000000001".to_owned(),
        client_id: "92d85f9d-0666-49bc-a31c-12b45b04a7de".parse().unwrap(),
        scope: None,
        asid: "200000000205".parse().unwrap(),
        ods_code: "A1001".parse().unwrap(),
        org_type: "urgent-care".parse().unwrap(),
        groups: vec![],
        requesting_system: None,
        requesting_organization: None,
        reason_for_request: None,
        cnf: None,
    }
}

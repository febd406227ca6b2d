//! A token that has passed every check. Only [`TokenVerifier`](crate::TokenVerifier) makes one.

use std::sync::Arc;

use crate::{
    AccessTokenClaims, Asid, Binding, CertificateThumbprint, ClientId, Group, OdsCode, OrganisationType, Rejection,
    public_key::KeyIdentity, unverified::excerpt,
};

/// Who is calling, and what they have been assured to do. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken(Arc<Proven>);

/// What the signature has proven, and which key made it.
#[derive(Debug, PartialEq, Eq)]
struct Proven {
    claims: AccessTokenClaims,
    key_id: String,
    key: KeyIdentity,
}

impl VerifiedToken {
    /// For the verifier alone, after it has checked the signature with `key`.
    pub(crate) fn new(claims: AccessTokenClaims, key_id: &str, key: KeyIdentity) -> Self {
        Self(Arc::new(Proven { claims, key_id: key_id.to_owned(), key }))
    }

    /// The `kid` of the key that signed it.
    pub(crate) fn key_id(&self) -> &str {
        &self.0.key_id
    }

    /// Whether `key` is the one that signed it, whatever its name.
    pub(crate) fn is_signed_with(&self, key: KeyIdentity) -> bool {
        self.0.key == key
    }

    /// The caller's accredited system.
    pub fn asid(&self) -> &Asid {
        &self.0.claims.asid
    }

    /// The organisation that the caller works for.
    pub fn ods_code(&self) -> &OdsCode {
        &self.0.claims.ods_code
    }

    /// That organisation's type.
    pub fn organisation_type(&self) -> &OrganisationType {
        &self.0.claims.org_type
    }

    /// What the caller may do: the groups that are URNs.
    pub fn groups(&self) -> &[Group] {
        &self.0.claims.groups
    }

    /// The caller's registration.
    pub fn client_id(&self) -> &ClientId {
        &self.0.claims.client_id
    }

    /// The token's own identity, for the log.
    pub fn token_id(&self) -> &str {
        &self.0.claims.jti
    }

    /// The first second in which the token has ended, Unix time.
    pub fn expires_at(&self) -> i64 {
        self.0.claims.exp
    }

    /// The claims, as far as this crate knows them and as it has understood them: see [`AccessTokenClaims`].
    pub fn claims(&self) -> &AccessTokenClaims {
        &self.0.claims
    }

    /// Refuses with 403 unless the caller has been assured for `group`. Names compare whole and exactly.
    pub fn require(&self, group: &Group) -> Result<(), Rejection> {
        if self.0.claims.groups.contains(group) {
            Ok(())
        } else {
            Err(Rejection::GroupMissing { required: group.clone(), held: self.0.claims.groups.clone() })
        }
    }

    /// RFC 8705 §3: a bound token is of use to the holder of its certificate only.
    pub(crate) fn require_holder(
        &self,
        presented: Option<CertificateThumbprint>,
        must_be_bound: bool,
    ) -> Result<(), Rejection> {
        let Some(confirmation) = &self.0.claims.cnf else {
            return if must_be_bound { Err(Rejection::CertificateMismatch(Binding::NotBound)) } else { Ok(()) };
        };
        let bound_to =
            CertificateThumbprint::from_claim(&confirmation.x5t_s256).ok_or_else(|| Rejection::InvalidClaim {
                claim: "cnf",
                expected: "an object whose x5t#S256 is a SHA-256 in base64url",
                received: Some(excerpt(&confirmation.x5t_s256)),
            })?;
        match presented {
            Some(received) if received == bound_to => Ok(()),
            Some(received) => {
                Err(Rejection::CertificateMismatch(Binding::OtherCertificate { expected: bound_to, received }))
            }
            None => Err(Rejection::CertificateMismatch(Binding::NoCertificate { expected: bound_to })),
        }
    }

    /// The system for which the SSP forwarded the call must be the token's.
    pub(crate) fn require_system(&self, ssp_from: &str) -> Result<(), Rejection> {
        if ssp_from == self.0.claims.asid.as_str() {
            Ok(())
        } else {
            Err(Rejection::AsidMismatch { expected: self.0.claims.asid.clone(), received: excerpt(ssp_from) })
        }
    }
}

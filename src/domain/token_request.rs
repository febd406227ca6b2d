//! What a consumer asks for: who it says it is, with which proof, which provider, and how much.

use std::{collections::BTreeSet, fmt};

use careconnect_verifier::Asid;

use super::{
    PresentedCredential, ServiceRoot,
    form::{Form, FormError},
    presented_credential::{PresentedCredentialError, basic},
    scope::{self, is_scope_token},
};

/// The parameters that may come more than once (RFC 8707 §2).
const REPEATABLE: &[&str] = &["resource"];

/// A token request that is well formed; nothing in it is proven yet.
#[derive(Debug)]
pub struct TokenRequest {
    /// The `client_id`, as text, for it may be unknown.
    pub client_id: Option<String>,
    /// The proof in the request; a client certificate comes with the connection instead.
    pub credential: PresentedCredential,
    /// The provider that the token shall be for, named once or more. Never empty.
    pub audiences: Vec<Audience>,
    /// How much of what it may have.
    pub access: RequestedAccess,
}

/// A provider, named in one of the ways of the one allow-list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// By its service root: `resource=<root>` (RFC 8707) or `scope=<root>/.default`.
    ServiceRoot(ServiceRoot),
    /// By its accredited system: `resource=https://fhir.nhs.uk/Id/accredited-system|<ASID>`.
    Asid(Asid),
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceRoot(root) => root.fmt(f),
            Self::Asid(asid) => f.write_str(&asid.uri()),
        }
    }
}

/// The groups asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedAccess {
    /// All that the consumer may have.
    Everything,
    /// Only these: group URNs, interactions, or SMART-style scopes.
    Only(Vec<String>),
}

/// Why a request is no token request, before anybody has been asked who they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRequestError {
    /// The body is no form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// `grant_type` is missing.
    #[error("grant_type is missing: send grant_type=client_credentials")]
    GrantTypeMissing,
    /// Another grant.
    #[error("grant_type {0:?} is not supported: send grant_type=client_credentials")]
    GrantTypeUnsupported(String),
    /// The proof cannot be looked at.
    #[error(transparent)]
    Credential(#[from] PresentedCredentialError),
    /// A scope with characters outside RFC 6749 §3.3.
    #[error("scope has characters that RFC 6749 section 3.3 does not allow")]
    ScopeMalformed,
    /// No token in a request about one.
    #[error("token is missing: send token=<the access token>")]
    TokenMissing,
    /// No provider named.
    #[error(
        "no provider is named: send resource=<service root URL>, scope=<service root URL>/.default, or \
         resource=https://fhir.nhs.uk/Id/accredited-system|<ASID>"
    )]
    AudienceMissing,
    /// A provider's name that is neither URL nor ASID.
    #[error("the provider is not named by a service root URL or an ASID: {0}")]
    AudienceMalformed(String),
}

impl TokenRequest {
    /// Reads the `Authorization` header, if there is one, and the form body.
    pub fn parse(authorization: Option<&[u8]>, body: &[u8]) -> Result<Self, TokenRequestError> {
        let form = Form::parse(body, REPEATABLE)?;
        match form.one("grant_type") {
            Some("client_credentials") => {}
            Some(other) => return Err(TokenRequestError::GrantTypeUnsupported(other.chars().take(64).collect())),
            None => return Err(TokenRequestError::GrantTypeMissing),
        }
        let (client_id, credential) = PresentedCredential::parse(authorization, &form)?;
        let (audiences, access) = scope_and_resource(&form)?;
        Ok(Self { client_id, credential, audiences, access })
    }
}

/// The proof in a form body, and the client that it says it is from, whatever else a token request needs: for trying a
/// proof without a request.
pub fn proof_in(body: &[u8]) -> Result<(Option<String>, PresentedCredential), TokenRequestError> {
    Ok(PresentedCredential::parse(None, &Form::parse(body, REPEATABLE)?)?)
}

/// Who an `Authorization` header and a body claim to be from, even if they are no token request: for the log.
pub fn claimed_client_id(authorization: Option<&[u8]>, body: &[u8]) -> Option<String> {
    let in_body = || Form::parse(body, REPEATABLE).ok()?.one("client_id").map(str::to_owned);
    authorization.and_then(basic).map(|(client_id, _)| client_id).or_else(in_body)
}

fn scope_and_resource(form: &Form) -> Result<(Vec<Audience>, RequestedAccess), TokenRequestError> {
    let mut audiences: Vec<Audience> = form.all("resource").map(resource).collect::<Result<_, _>>()?;
    let mut asked_for = BTreeSet::new();
    for token in scope_tokens(form.one("scope").unwrap_or_default())? {
        match token.strip_suffix(scope::DEFAULT) {
            Some(root) => audiences.push(service_root(root)?),
            None => drop(asked_for.insert(token)),
        }
    }
    if audiences.is_empty() {
        return Err(TokenRequestError::AudienceMissing);
    }
    let access = if asked_for.is_empty() {
        RequestedAccess::Everything
    } else {
        RequestedAccess::Only(asked_for.into_iter().collect())
    };
    Ok((audiences, access))
}

fn scope_tokens(scope: &str) -> Result<Vec<String>, TokenRequestError> {
    let tokens: Vec<String> = scope.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect();
    if tokens.iter().all(|token| is_scope_token(token)) { Ok(tokens) } else { Err(TokenRequestError::ScopeMalformed) }
}

fn resource(text: &str) -> Result<Audience, TokenRequestError> {
    match text.strip_prefix(Asid::SYSTEM).and_then(|rest| rest.strip_prefix('|')) {
        Some(asid) => Asid::parse(asid).map(Audience::Asid).map_err(|error| malformed(&error)),
        None => service_root(text),
    }
}

fn service_root(text: &str) -> Result<Audience, TokenRequestError> {
    ServiceRoot::parse(text).map(Audience::ServiceRoot).map_err(|error| malformed(&error))
}

fn malformed(error: &dyn std::error::Error) -> TokenRequestError {
    TokenRequestError::AudienceMalformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "https://provider.thirdparty.nhs.uk/A20047/STU3/1";

    fn parse(body: &str) -> Result<TokenRequest, TokenRequestError> {
        TokenRequest::parse(None, format!("grant_type=client_credentials&client_id=c&{body}").as_bytes())
    }

    #[test]
    fn the_audience_has_three_forms_and_default_takes_one_or_two_slashes() {
        let root = Audience::ServiceRoot(ServiceRoot::parse(ROOT).unwrap());
        for body in [format!("resource={ROOT}"), format!("scope={ROOT}/.default"), format!("scope={ROOT}//.default")] {
            assert_eq!(parse(&body).unwrap().audiences, std::slice::from_ref(&root), "{body}");
        }
        let asid = parse("resource=https://fhir.nhs.uk/Id/accredited-system%7C200000000359").unwrap().audiences;
        assert_eq!(asid, [Audience::Asid(Asid::parse("200000000359").unwrap())]);
    }

    #[test]
    fn default_asks_for_everything_and_further_scopes_for_less() {
        assert_eq!(parse(&format!("scope={ROOT}/.default")).unwrap().access, RequestedAccess::Everything);
        let narrowed = parse(&format!("scope={ROOT}/.default+organization/slot.read")).unwrap().access;
        assert_eq!(narrowed, RequestedAccess::Only(vec!["organization/slot.read".into()]));
    }

    #[test]
    fn a_provider_must_be_named() {
        assert_eq!(parse("scope=organization/slot.read").unwrap_err(), TokenRequestError::AudienceMissing);
    }
}

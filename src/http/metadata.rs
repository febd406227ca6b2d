//! What the server can do, told where libraries look for it: RFC 8414 metadata, an OpenID-style document, and a
//! SMART-style one. Each is a pure function of configuration, keys and groups: nothing of a request is in it (R46).

use careconnect_verifier::Algorithm;
use serde_json::{Value, json};

/// What the documents tell.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// The `iss` of every token.
    pub issuer: String,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where consumers take tokens back.
    pub revocation_endpoint: String,
    /// Where consumers and providers ask whether tokens count.
    pub introspection_endpoint: String,
    /// Where the key set is.
    pub jwks_uri: String,
    /// An address that answers 404, for libraries that cannot do without an authorisation endpoint.
    pub authorization_endpoint: String,
    /// What tokens may be signed with.
    pub signing_algorithms: Vec<Algorithm>,
    /// The scopes that mean a group.
    pub scopes: Vec<String>,
}

impl Metadata {
    /// The facts about an issuer, whose endpoints lie below it.
    pub fn new(issuer: &str, signing_algorithms: Vec<Algorithm>, scopes: Vec<String>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}/oauth2/token"),
            revocation_endpoint: format!("{issuer}/oauth2/revoke"),
            introspection_endpoint: format!("{issuer}/oauth2/introspect"),
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            authorization_endpoint: format!("{issuer}/oauth2/authorize"),
            signing_algorithms,
            scopes,
        }
    }

    /// `oauth-authorization-server` (RFC 8414 §2, RFC 8705 §3.3, RFC 9701 §7). There are no response types, for nothing is authorised
    /// by redirection; the member is required, so it is there and empty.
    pub fn authorization_server(&self) -> Value {
        // One authenticator behind all three endpoints; providers introspect by certificate.
        let methods = [
            "client_secret_basic",
            "client_secret_post",
            "tls_client_auth",
            "self_signed_tls_client_auth",
            "private_key_jwt",
        ];
        json!({
            "issuer": self.issuer,
            "token_endpoint": self.token_endpoint,
            "jwks_uri": self.jwks_uri,
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": Algorithm::FOR_ASSERTIONS,
            "revocation_endpoint": self.revocation_endpoint,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": Algorithm::FOR_ASSERTIONS,
            "introspection_endpoint": self.introspection_endpoint,
            "introspection_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_signing_alg_values_supported": Algorithm::FOR_ASSERTIONS,
            "introspection_signing_alg_values_supported": self.signing_algorithms.first().into_iter().collect::<Vec<_>>(),
            "tls_client_certificate_bound_access_tokens": true,
            "scopes_supported": self.scopes,
        })
    }

    /// `openid-configuration`: the same facts for libraries that look there. There are no ID tokens; the members about
    /// them are those without which such libraries refuse the document (OpenID Connect Discovery §3).
    pub fn openid_configuration(&self) -> Value {
        let mut document = self.authorization_server();
        document["authorization_endpoint"] = self.authorization_endpoint.as_str().into();
        document["subject_types_supported"] = json!(["public"]);
        document["id_token_signing_alg_values_supported"] = json!(self.signing_algorithms);
        document
    }

    /// `smart-configuration` (SMART App Launch, "Conformance"): the two ways of client authentication are the
    /// capabilities of its list. Code challenges belong to a grant that is not here; the member is required, so it is there and empty.
    pub fn smart_configuration(&self) -> Value {
        let mut document = self.authorization_server();
        document["capabilities"] = json!(["client-confidential-symmetric", "client-confidential-asymmetric"]);
        document["code_challenge_methods_supported"] = json!([]);
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        let algorithms = vec![Algorithm::Es256, Algorithm::Rs256];
        Metadata::new("https://auth.example.nhs.uk/careconnect", algorithms, vec!["organization/slot.read".to_owned()])
    }

    #[test]
    fn the_three_documents_tell_the_same_facts() {
        let metadata = metadata();
        let base = metadata.authorization_server();
        for document in [metadata.openid_configuration(), metadata.smart_configuration()] {
            for (name, value) in base.as_object().unwrap() {
                assert_eq!(document[name], *value, "{name}");
            }
        }
    }

    #[test]
    fn the_endpoints_lie_below_the_issuer() {
        // R46
        let document = metadata().authorization_server();
        assert_eq!(document["issuer"], "https://auth.example.nhs.uk/careconnect");
        assert_eq!(document["token_endpoint"], "https://auth.example.nhs.uk/careconnect/oauth2/token");
        assert_eq!(document["revocation_endpoint"], "https://auth.example.nhs.uk/careconnect/oauth2/revoke");
        assert_eq!(document["introspection_endpoint"], "https://auth.example.nhs.uk/careconnect/oauth2/introspect");
        assert_eq!(document["jwks_uri"], "https://auth.example.nhs.uk/careconnect/.well-known/jwks.json");
    }

    #[test]
    fn only_the_openid_style_document_names_an_authorisation_endpoint() {
        let metadata = metadata();
        assert!(metadata.authorization_server().get("authorization_endpoint").is_none());
        assert!(metadata.smart_configuration().get("authorization_endpoint").is_none());
        let document = metadata.openid_configuration();
        assert_eq!(document["authorization_endpoint"], "https://auth.example.nhs.uk/careconnect/oauth2/authorize");
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]));
    }
}

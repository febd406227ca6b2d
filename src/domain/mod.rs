//! What things are: values and rules that know neither HTTP, nor SQL, nor time of day.

pub mod actor;
pub mod blocked_certificate;
pub mod catalogue;
pub mod certificate_identity;
pub mod certificate_policy;
pub mod client_key;
pub mod client_secret;
pub mod consumer_system;
pub mod credential;
pub mod display_name;
pub mod distinguished_name;
pub mod fields;
pub mod form;
pub mod group_definition;
pub mod idempotency_key;
pub mod key_set_uri;
pub mod merge_patch;
pub mod precondition;
pub mod presented_credential;
pub mod problem_kind;
pub mod provider_system;
pub mod public_jwk;
pub mod refusal;
pub mod registered_certificate;
pub mod registration_status;
pub mod scope;
pub mod service_root;
pub mod strict_json;
pub mod token_request;

pub use actor::{Actor, Role, Via};
pub use blocked_certificate::{BlockedCertificate, SerialNumber};
pub use certificate_identity::{
    CertificateIdentity, CertificateThumbprint, DistinguishedName, DnsName, KeyThumbprint, UriName,
};
pub use certificate_policy::{CertificatePolicy, HostPrefix};
pub use client_key::ClientKey;
pub use client_secret::{ClientSecret, SecretHash, SecretImportError};
pub use consumer_system::{ConsumerSystem, Organisation};
pub use credential::{Credential, CredentialId, CredentialKind};
pub use display_name::DisplayName;
pub use fields::{Fault, Fields};
pub use group_definition::{GroupDefinition, OrganisationTypeDefinition};
pub use idempotency_key::IdempotencyKey;
pub use key_set_uri::KeySetUri;
pub use merge_patch::merge_patch;
pub use precondition::{EntityTag, Precondition, PreconditionFailed};
pub use presented_credential::{PresentedCredential, PresentedCredentialError};
pub use problem_kind::ProblemKind;
pub use provider_system::{ClaimsProfile, ProviderSystem, TokenLifetime};
pub use public_jwk::PublicJwk;
pub use refusal::{ErrorCode, FailedCheck, Reason, Refusal};
pub use registered_certificate::{Environment, RegisteredCertificate};
pub use registration_status::RegistrationStatus;
pub use scope::Scope;
pub use service_root::ServiceRoot;
pub use token_request::{Audience, RequestedAccess, TokenRequest, TokenRequestError};

//! An issuer for the tests of providers: good tokens, and bad ones of every kind.

mod signing;
mod token;
mod zoo;

use std::{fmt, sync::Arc};

use serde_json::{Value, json};

pub use token::TestToken;
pub use zoo::BadToken;

use crate::{FixedKeys, KeySet, TokenVerifier, TokenVerifierBuilder, base64url, clock::Clock};

use signing::SigningKey;

/// An issuer with a fresh ES256 key, so that a provider proves in its own tests that the right callers get in and all
/// others do not. Cheap to clone; clones share the key.
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// use careconnect_verifier::{Group, TestIssuer};
///
/// let service_root = "https://provider.thirdparty.nhs.uk/A20047/STU3/1";
/// let issuer = TestIssuer::new();
/// let verifier = issuer.verifier(service_root); // give it to your service, and call your service below
///
/// let token = issuer.token_for(service_root).ods_code("A1001").groups([Group::READ_SLOT]).sign();
/// let caller = verifier.verify_offline(&token).unwrap();
/// assert!(caller.require(&Group::READ_SLOT).is_ok());
///
/// for bad in issuer.bad_tokens(service_root) {
///     let refusal = verifier.verify_offline(bad.presented()).unwrap_err();
///     assert_eq!((refusal.reason(), refusal.status()), (bad.reason, bad.status), "{}", bad.name);
/// }
/// for insufficient in issuer.tokens_without(&Group::READ_SLOT, service_root) {
///     let caller = verifier.verify_offline(&insufficient.token).unwrap();
///     assert_eq!(caller.require(&Group::READ_SLOT).unwrap_err().reason(), insufficient.reason);
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct TestIssuer {
    issuer: String,
    key_id: String,
    key: Arc<SigningKey>,
    clock: Arc<Clock>,
}

impl TestIssuer {
    /// An issuer that nobody else has: `https://issuer.test/careconnect`, by the system's clock.
    ///
    /// # Panics
    /// When the system has no randomness for a key.
    pub fn new() -> Self {
        Self {
            issuer: "https://issuer.test/careconnect".to_owned(),
            key_id: format!("test-{}", signing::random_text()),
            key: Arc::new(SigningKey::generate()),
            clock: Arc::default(),
        }
    }

    /// Calls itself `issuer`: a URL, compared as a whole string.
    #[must_use]
    pub fn named(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// Takes the time, in Unix seconds, from `clock` instead of the system's; so do the verifiers that are made after this.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(Clock::new(clock));
        self
    }

    /// Its name, which its tokens have as `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The JWK set in which it publishes its key.
    pub fn jwks_json(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    /// The same, read.
    #[expect(clippy::expect_used, reason = "our own set; and this is for tests, which fail by panicking")]
    pub fn key_set(&self) -> KeySet {
        KeySet::parse(self.jwks_json().as_bytes()).expect("a JWK set")
    }

    /// A verifier that trusts it and no other, for the provider whose service root is `audience`.
    ///
    /// # Panics
    /// When `audience` is empty.
    #[expect(clippy::expect_used, reason = "for tests, which fail by panicking")]
    pub fn verifier(&self, audience: impl Into<String>) -> TokenVerifier {
        self.verifier_builder(audience).build().expect("an audience that is not empty")
    }

    /// The same, with options yet to be set.
    pub fn verifier_builder(&self, audience: impl Into<String>) -> TokenVerifierBuilder {
        let clock = Arc::clone(&self.clock);
        let keys = FixedKeys::new(self.key_set());
        TokenVerifier::for_issuer(&self.issuer).audience(audience).keys(keys).clock(move || clock.now())
    }

    /// A good token for the provider whose service root is `audience`, for five minutes, with every group of Care Connect,
    /// of system 200000000205 in the urgent care organisation A1001.
    pub fn token_for(&self, audience: impl Into<String>) -> TestToken<'_> {
        TestToken::new(self, &audience.into())
    }

    /// Tokens that a provider whose service root is `audience` must refuse, each for its own reason.
    pub fn bad_tokens(&self, audience: &str) -> Vec<BadToken> {
        zoo::bad_tokens(self, audience)
    }

    /// Good tokens with which an operation that needs `group` must be refused all the same.
    pub fn tokens_without(&self, group: &crate::Group, audience: &str) -> Vec<BadToken> {
        zoo::tokens_without(self, group, audience)
    }

    fn now(&self) -> i64 {
        self.clock.now()
    }

    fn jwk(&self) -> Value {
        let [x, y] = self.key.coordinates().map(|coordinate| base64url::encode(&coordinate));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.key_id, "use": "sig", "alg": "ES256" })
    }

    /// Another issuer of the same name, with a key of its own under the same or another `kid`.
    fn impostor(&self, key_id: &str) -> Self {
        Self { key_id: key_id.to_owned(), key: Arc::new(SigningKey::generate()), ..self.clone() }
    }
}

impl Default for TestIssuer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer").field("issuer", &self.issuer).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

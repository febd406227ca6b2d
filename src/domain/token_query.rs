//! A request about one token: to revoke it (RFC 7009 §2.1), or to tell whether it counts (RFC 7662 §2.1).

use std::fmt;

use super::{PresentedCredential, TokenRequestError, form::Form};

/// A request that is well formed; nothing in it is proven yet. `token_type_hint` is ignored, for there is one type.
pub struct TokenQuery {
    /// The `client_id`, as text, for it may be unknown.
    pub client_id: Option<String>,
    /// The proof in the request.
    pub credential: PresentedCredential,
    /// The token, which may be anything.
    pub token: String,
}

impl TokenQuery {
    /// Reads the `Authorization` header, if there is one, and the form body, in which nothing stands twice.
    pub fn parse(authorization: Option<&[u8]>, body: &[u8]) -> Result<Self, TokenRequestError> {
        let form = Form::parse(body, &[])?;
        let (client_id, credential) = PresentedCredential::parse(authorization, &form)?;
        let token = form.one("token").ok_or(TokenRequestError::TokenMissing)?.to_owned();
        Ok(Self { client_id, credential, token })
    }
}

impl fmt::Debug for TokenQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenQuery {{ client_id: {:?}, .. }}", self.client_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form::FormError;

    #[test]
    fn a_query_names_one_token_and_shows_it_nowhere() {
        let query = TokenQuery::parse(None, b"token=a.b.c&token_type_hint=refresh_token&client_id=c").unwrap();
        assert_eq!(query.token, "a.b.c");
        assert!(!format!("{query:?}").contains("a.b.c"));
        assert_eq!(TokenQuery::parse(None, b"client_id=c").unwrap_err(), TokenRequestError::TokenMissing);
        let twice = TokenQuery::parse(None, b"token=a&token=a").unwrap_err(); // R11
        assert_eq!(twice, TokenRequestError::Form(FormError::Repeated("token".into())));
    }
}

//! Why a token is not accepted.

use std::sync::Arc;

/// Why a token is not accepted. The words are for logs and the caller; they tell nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorized {
    /// There is none.
    #[error("no bearer token in the Authorization header")]
    Missing,
    /// It is not a signed token of a form that is read here.
    #[error("the token is malformed")]
    Malformed,
    /// It is signed by a key not known here, or by another algorithm than the key's.
    #[error("the token is signed by a key or algorithm not accepted here")]
    UnknownKey,
    /// It says to be of this foreign issuer, and is signed by a key that is not known as the issuer's: perhaps a new one.
    #[error("the token is signed by a key or algorithm not accepted here")]
    UnknownKeyOf(Arc<str>),
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It is for something else.
    #[error("the token is for another audience")]
    Audience,
    /// It is of no issuer that is trusted for its tenant.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is no access token that whoever bears it may use: an ID token, a refresh token, one bound to a key.
    #[error("the token is not a bearer access token")]
    Kind,
    /// Whose it is, an application's or a person's, is not said.
    #[error("the token does not say whose it is")]
    Subject,
}

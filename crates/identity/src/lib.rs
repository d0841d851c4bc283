//! Who may ask: OAuth2 tokens issued and verified, permissions, client secrets.
//!
//! The tokens are signed JWTs of the form Entra ID gives to applications (API specification, section 3):
//! `aud`, `iss`, `tid`, `appid` and `roles`, or `scp` for people. The crate does no I/O.

mod audience;
mod issuer;
mod oauth;
mod permission;
mod secret;
mod signing_key;
mod token_request;
mod verifier;

pub use audience::Audiences;
pub use issuer::{Client, IssueError, IssuedToken, TokenIssuer};
pub use oauth::{OAuthError, OAuthErrorKind};
pub use permission::{Permission, UnknownPermission};
pub use secret::{ClientSecret, SecretError, SecretHash};
pub use signing_key::{KeyError, SigningKey};
pub use token_request::{EndpointVersion, TokenRequest};
pub use verifier::{Caller, Grant, Unauthorized, Verifier};

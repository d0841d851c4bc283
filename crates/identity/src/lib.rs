//! Who may ask: OAuth2 tokens issued and verified, permissions, client secrets.
//!
//! The tokens are signed JWTs of the form Entra ID gives to applications (API specification, section 3):
//! `aud`, `iss`, `tid`, `appid` and `roles`, or `scp` for people. The crate does no I/O.

mod audience;
mod handle;
mod issuer;
mod lockout;
mod oauth;
mod password;
mod permission;
mod person_token;
mod pkce;
mod redirect_uri;
mod rights;
mod scope;
mod secret;
mod signing_key;
mod token_request;
mod user_code;
mod user_name;
mod verifier;

pub use audience::Audiences;
pub use handle::Handle;
pub use issuer::{Client, IssueError, IssuedToken, TokenIssuer};
pub use lockout::locked_for;
pub use oauth::{OAuthError, OAuthErrorKind};
pub use password::{Password, SHORTEST_PASSWORD, UnfitPassword};
pub use permission::{Permission, UnknownPermission};
pub use person_token::{IdToken, PersonToken};
pub use pkce::{PkceChallenge, PkceError};
pub use redirect_uri::{RedirectUri, UnfitRedirectUri};
pub use rights::{Rights, Role, Seen, UnknownRole};
pub use scope::{ScopeError, ScopeRequest};
pub use secret::{ClientSecret, SecretError, SecretHash};
pub use signing_key::{KeyError, SigningKey};
pub use token_request::{EndpointVersion, TokenRequest, field, required};
pub use user_code::UserCode;
pub use user_name::{UnfitUserName, UserName};
pub use verifier::{Caller, Grant, Unauthorized, Verifier};

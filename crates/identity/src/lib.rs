//! Who may ask: OAuth2 tokens issued and verified, permissions, client secrets.
//!
//! The tokens are signed JWTs of the form Entra ID gives to applications (API specification, section 3):
//! `aud`, `iss`, `tid`, `appid` and `roles`, or `scp` for people. The crate does no I/O.

mod assertion;
mod audience;
mod certificate;
mod issuer;
mod oauth;
mod permission;
mod secret;
mod signing_key;
mod token_request;
mod verifier;

pub use assertion::{ASSERTION_TYPE, AssertionError, ClientAssertion, VerifiedAssertion};
pub use audience::Audiences;
pub use certificate::{CertificateError, ClientCertificate};
pub use issuer::{Client, IssueError, IssuedToken, ProvedBy, TokenIssuer};
pub use oauth::{OAuthError, OAuthErrorKind};
pub use permission::{Permission, UnknownPermission};
pub use secret::{ClientSecret, SecretError, SecretHash};
pub use signing_key::{KeyError, SigningKey};
pub use token_request::{
    BasicCredentials, ClientAuthentication, ClientProof, EndpointVersion, Form, GrantRequest,
    TokenRequest,
};
pub use verifier::{Caller, Grant, Unauthorized, Verifier};

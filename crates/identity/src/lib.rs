//! Who may ask: OAuth2 tokens issued and verified, permissions, client secrets.
//!
//! The tokens are signed JWTs of the form Entra ID gives to applications (API specification, section 3):
//! `aud`, `iss`, `tid`, `appid` and `roles`, or `scp` for people. Tokens of foreign issuers count as configured. The crate
//! does no I/O: who fetches the keys of others hands them over.

mod algorithm;
mod assertion;
mod audience;
mod caller;
mod certificate;
mod claims;
mod foreign;
mod handle;
mod issuer;
mod jwks;
mod jws;
mod lockout;
mod oauth;
mod password;
mod permission;
mod person_token;
mod pkce;
mod reading;
mod redirect_uri;
mod rights;
mod rotation;
mod scope;
mod secret;
mod signing_key;
mod token_request;
mod unauthorized;
mod user_code;
mod user_name;
mod verifier;

pub use algorithm::{SignatureAlgorithm, UnknownAlgorithm};
pub use assertion::{ASSERTION_TYPE, AssertionError, ClientAssertion, VerifiedAssertion};
pub use audience::Audiences;
pub use caller::{Caller, Grant, IssuerKind, Person};
pub use certificate::{CertificateError, ClientCertificate};
pub use foreign::{
    ApplicationRule, BadClaimPath, ClaimList, ClaimMapping, ClaimPath, ForeignIssuer, MappedClaims,
};
pub use handle::Handle;
pub use issuer::{Client, IssueError, IssuedToken, ProvedBy, TokenIssuer};
pub use jwks::{KeySet, KeySetError, SkipReason, SkippedKey, VerifyingKey};
pub use lockout::locked_for;
pub use oauth::{OAuthError, OAuthErrorKind};
pub use password::{Password, SHORTEST_PASSWORD, UnfitPassword};
pub use permission::{Permission, UnknownPermission};
pub use person_token::{IdToken, PersonToken};
pub use pkce::{PkceChallenge, PkceError};
pub use redirect_uri::{RedirectUri, UnfitRedirectUri};
pub use rights::{Rights, Role, Seen, UnknownRole};
pub use rotation::{KeyState, RotationPolicy, key_states};
pub use scope::{ScopeError, ScopeRequest};
pub use secret::{ClientSecret, SecretError, SecretHash};
pub use signing_key::{KeyError, SigningKey};
pub use token_request::{
    BasicCredentials, ClientAuthentication, ClientProof, EndpointVersion, Form, GrantRequest,
    TokenRequest,
};
pub use unauthorized::Unauthorized;
pub use user_code::UserCode;
pub use user_name::{UnfitUserName, UserName};
pub use verifier::Verifier;

//! The algorithms a signature may be made with.

use std::fmt;
use std::str::FromStr;

use jsonwebtoken::{Algorithm, AlgorithmFamily};

/// An algorithm of signatures by a pair of keys (RFC 7518, section 3.1; RFC 8037). `none` and HMAC are not among them:
/// what is published to all must not be what signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureAlgorithm(pub(crate) Algorithm);

/// A name that is no such algorithm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an algorithm accepted for signatures; there are {names}", names = SignatureAlgorithm::names())]
pub struct UnknownAlgorithm(pub String);

impl SignatureAlgorithm {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self(Algorithm::RS256),
        Self(Algorithm::RS384),
        Self(Algorithm::RS512),
        Self(Algorithm::PS256),
        Self(Algorithm::PS384),
        Self(Algorithm::PS512),
        Self(Algorithm::ES256),
        Self(Algorithm::ES384),
        Self(Algorithm::EdDSA),
    ];

    /// The one of Entra ID, and of tokens issued here.
    pub const RS256: Self = Self(Algorithm::RS256);

    pub(crate) fn is_rsa(self) -> bool {
        self.0.family() == AlgorithmFamily::Rsa
    }

    fn names() -> String {
        Self::ALL.map(|algorithm| algorithm.to_string()).join(", ")
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl FromStr for SignatureAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.to_string() == name)
            .ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

//! Proof of possession of an authorization code (PKCE, RFC 7636).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a client sends with its request for a code: the hash of a secret it shows when it redeems the code.
///
/// The method is `S256`; `plain` is not taken: who reads the request would have the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PkceChallenge(Box<str>);

/// Why a challenge is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// Its method is not `S256`; one that is not stated is `plain`.
    #[error("the code_challenge_method must be 'S256'")]
    Method,
    /// It is not the base64url form of a SHA-256 hash.
    #[error("the code_challenge must be the base64url form of a SHA-256 hash, 43 characters")]
    Form,
}

impl PkceChallenge {
    /// Reads a challenge with its method.
    pub fn new(challenge: &str, method: Option<&str>) -> Result<Self, PkceError> {
        if method != Some("S256") {
            return Err(PkceError::Method);
        }
        Self::stored(challenge).ok_or(PkceError::Form)
    }

    /// A challenge as it was kept.
    pub fn stored(challenge: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(challenge).ok()?;
        (bytes.len() == 32).then(|| Self(challenge.into()))
    }

    /// The challenge, to be kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a verifier is the secret whose hash this is; one that is too short to be safe is none
    /// (RFC 7636, section 4.1).
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return false;
        }
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        verify_slices_are_equal(hash.as_bytes(), self.0.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_holds() {
        let challenge = PkceChallenge::new(CHALLENGE, Some("S256")).unwrap();
        assert!(challenge.is_met_by(VERIFIER));
        assert!(!challenge.is_met_by(CHALLENGE));
        assert!(!challenge.is_met_by(""));
    }

    #[test]
    fn plain_and_malformed_challenges_are_refused() {
        for method in [None, Some("plain"), Some("s256")] {
            let refused = PkceChallenge::new(CHALLENGE, method);
            assert_eq!(refused, Err(PkceError::Method));
        }
        for challenge in ["", "short", VERIFIER.strip_suffix('k').unwrap(), "+/"] {
            let refused = PkceChallenge::new(challenge, Some("S256"));
            assert_eq!(refused, Err(PkceError::Form), "{challenge}");
        }
    }

    proptest! {
        #[test]
        fn only_the_verifier_itself_meets_its_challenge(
            own in "[A-Za-z0-9._~-]{43,128}",
            other in "[A-Za-z0-9._~-]{1,140}",
        ) {
            let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, own.as_bytes()));
            let challenge = PkceChallenge::new(&hash, Some("S256")).unwrap();
            prop_assert!(challenge.is_met_by(&own));
            prop_assert_eq!(challenge.is_met_by(&other), own == other);
        }
    }
}

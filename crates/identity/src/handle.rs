//! Random texts that stand for something kept: codes, refresh tokens, sessions.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::{ClientSecret, SecretError};

/// A random text of 256 bits that stands for a row of the store, where only its digest is kept.
///
/// It cannot be guessed, so a plain hash is enough. It does not print itself.
#[derive(Debug, Clone)]
pub struct Handle(ClientSecret);

impl Handle {
    /// A new one.
    pub fn generate() -> Result<Self, SecretError> {
        ClientSecret::generate().map(Self)
    }

    /// One as a client sends it.
    pub fn from_client(text: String) -> Self {
        Self(ClientSecret::from_client(text))
    }

    /// The text itself, for the client.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is kept of it.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(self.expose().as_bytes()).as_bytes()
    }

    /// A text for one purpose that only who has this one can make, and that does not lead back to it.
    pub fn derived(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(blake3::derive_key(purpose, self.expose().as_bytes()))
    }

    /// Whether a text is the one derived for a purpose.
    pub fn has_derived(&self, purpose: &str, text: &str) -> bool {
        let own = blake3::derive_key(purpose, self.expose().as_bytes());
        let other = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        aws_lc_rs::constant_time::verify_slices_are_equal(&own, &other).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_derived_tells_nothing() {
        let handle = Handle::generate().unwrap();
        let again = Handle::from_client(handle.expose().to_owned());
        assert_eq!(handle.digest(), again.digest());
        assert_ne!(handle.digest(), Handle::generate().unwrap().digest());
        assert!(!format!("{handle:?}").contains(handle.expose()));
        let derived = handle.derived("kbgap tests");
        assert!(again.has_derived("kbgap tests", &derived));
        assert!(!again.has_derived("kbgap other tests", &derived));
        assert!(!again.has_derived("kbgap tests", ""));
        assert_ne!(derived, handle.expose());
    }
}

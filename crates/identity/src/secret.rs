//! Client secrets: made at random, shown once, kept as a hash.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};

/// A client secret. It does not print itself.
#[derive(Debug, Clone)]
pub struct ClientSecret(SecretString);

/// The hash of a client secret: Argon2id with a salt of its own, in PHC form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHash(Box<str>);

/// Why a secret could not be made or hashed.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The hash could not be computed.
    #[error("the secret cannot be hashed: {0}")]
    Hash(argon2::password_hash::Error),
}

/// How many characters of a secret are kept in clear.
const HINT: usize = 3;

/// 256 bits: out of reach for guessing.
const SECRET_BYTES: usize = 32;

impl ClientSecret {
    /// A new secret.
    pub fn generate() -> Result<Self, SecretError> {
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| SecretError::Random)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// A secret as a client sends it.
    pub fn from_client(secret: String) -> Self {
        Self(secret.into())
    }

    /// How it begins, by which people tell secrets apart, as Entra ID shows them; and by which a wrong one is mostly seen
    /// to be wrong without a slow hash.
    pub fn hint(&self) -> &str {
        let secret = self.expose();
        let end = secret
            .char_indices()
            .nth(HINT)
            .map_or(secret.len(), |(at, _)| at);
        &secret[..end]
    }

    /// The secret itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Its hash, with a new salt.
    pub fn hash(&self) -> Result<SecretHash, SecretError> {
        let hash = Argon2::default()
            .hash_password(self.expose().as_bytes())
            .map_err(SecretError::Hash)?;
        Ok(SecretHash(hash.to_string().into()))
    }
}

impl SecretHash {
    /// A hash as it was kept.
    pub fn stored(hash: &str) -> Self {
        Self(hash.into())
    }

    /// The hash in PHC form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a secret is the one that was hashed. Slow on purpose: some 20 ms of a core.
    pub fn matches(&self, secret: &ClientSecret) -> bool {
        PasswordHash::new(&self.0).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(secret.expose().as_bytes(), &hash)
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_matches() {
        let secret = ClientSecret::generate().unwrap();
        let hash = secret.hash().unwrap();
        assert!(hash.as_str().starts_with("$argon2id$"));
        assert!(SecretHash::stored(hash.as_str()).matches(&secret));
        assert!(!hash.matches(&ClientSecret::generate().unwrap()));
        assert!(!hash.matches(&ClientSecret::from_client(String::new())));
        assert!(!SecretHash::stored("").matches(&secret));
        assert_ne!(hash, secret.hash().unwrap(), "salted");
        assert!(!format!("{secret:?}").contains(secret.expose()));
        assert_eq!(secret.hint(), &secret.expose()[..3]);
        assert_eq!(
            ClientSecret::from_client("\u{e9}".to_owned()).hint(),
            "\u{e9}"
        );
    }
}

//! Passwords of people.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::secret::{ClientSecret, SecretError, SecretHash};

/// The fewest characters of a password (NIST SP 800-63B, section 3.1.1.2, asks for eight or more).
pub const SHORTEST_PASSWORD: usize = 12;
/// The longest password, in bytes: hashing takes longer with more.
const LONGEST: usize = 512;
/// How many characters a generated password has: 25 of 32 are 125 bits.
const GENERATED: usize = 25;
/// What a generated password is made of: nothing that looks like something else. Its 32 characters are evenly likely.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password. It does not print itself.
#[derive(Debug, Clone)]
pub struct Password(ClientSecret);

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    /// It is too short.
    #[error("a password has at least {SHORTEST_PASSWORD} characters")]
    Short,
    /// It is too long.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// It says who it is of.
    #[error("a password must not contain the name it is for")]
    Name,
}

impl Password {
    /// A new password for a person, where it is fit to be one. Which characters it has does not matter
    /// (NIST SP 800-63B, section 3.1.1.2).
    pub fn new(password: String, name: &str) -> Result<Self, UnfitPassword> {
        if password.chars().count() < SHORTEST_PASSWORD {
            return Err(UnfitPassword::Short);
        }
        if password.len() > LONGEST {
            return Err(UnfitPassword::Long);
        }
        let own = name.split('@').next().unwrap_or(name).to_lowercase();
        if own.chars().count() > 2 && password.to_lowercase().contains(&own) {
            return Err(UnfitPassword::Name);
        }
        Ok(Self(ClientSecret::from_client(password)))
    }

    /// A password as a person typed it, to be compared.
    pub fn typed(password: String) -> Self {
        Self(ClientSecret::from_client(password))
    }

    /// A password made at random, in groups for who types it.
    pub fn generate() -> Result<Self, SecretError> {
        let mut bytes = [0; GENERATED];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| SecretError::Random)?;
        let mut password = String::with_capacity(GENERATED + GENERATED / 5);
        for (at, byte) in bytes.into_iter().enumerate() {
            if at > 0 && at % 5 == 0 {
                password.push('-');
            }
            password.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        Ok(Self(ClientSecret::from_client(password)))
    }

    /// The password itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Its hash: Argon2id with a salt of its own. Slow on purpose.
    pub fn hash(&self) -> Result<SecretHash, SecretError> {
        self.0.hash()
    }

    /// Whether it is the one of a hash. With no hash to compare with, the same work is done: how long an answer takes
    /// does not tell whether there is such a person.
    pub fn is_of(&self, hash: Option<&SecretHash>) -> bool {
        if self.expose().len() > LONGEST {
            return false;
        }
        if let Some(hash) = hash {
            return hash.matches(&self.0);
        }
        let _ = std::hint::black_box(self.hash());
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfit_passwords_are_refused() {
        let refused = |password: &str| {
            Password::new(password.to_owned(), "Alice@contoso")
                .err()
                .unwrap()
        };
        assert_eq!(refused("eleven char"), UnfitPassword::Short);
        assert_eq!(refused(&"x".repeat(513)), UnfitPassword::Long);
        assert_eq!(refused("my name is ALICE"), UnfitPassword::Name);
        assert!(Password::new("zwölf Zeichen".to_owned(), "bo").is_ok());
    }

    #[test]
    fn only_the_password_itself_is_right() {
        let password = Password::generate().unwrap();
        assert_eq!(password.expose().len(), 29);
        assert!(Password::new(password.expose().to_owned(), "alice").is_ok());
        let hash = password.hash().unwrap();
        assert!(password.is_of(Some(&hash)));
        assert!(!password.is_of(None));
        let other = Password::typed("something else".to_owned());
        assert!(!other.is_of(Some(&hash)));
        assert!(!other.is_of(None));
        assert!(!format!("{password:?}").contains(password.expose()));
    }
}

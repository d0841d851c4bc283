//! Codes that a person types to let a device in (RFC 8628, section 6.1).

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::secret::SecretError;

/// No vowels, so that no words come about, and nothing that looks like a digit or another letter.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Nine of twenty letters are 38 bits, for the quarter of an hour that a code is valid.
const LENGTH: usize = 9;

/// A code, in capital letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A new code. Each letter is evenly likely.
    pub fn generate() -> Result<Self, SecretError> {
        let random = SystemRandom::new();
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let mut bytes = [0; 2 * LENGTH];
            random.fill(&mut bytes).map_err(|_| SecretError::Random)?;
            // 240 is the largest multiple of 20 in a byte.
            let even = bytes.into_iter().filter(|byte| *byte < 240);
            let letters = even.map(|byte| char::from(ALPHABET[usize::from(byte % 20)]));
            code.extend(letters.take(LENGTH - code.len()));
        }
        Ok(Self(code))
    }

    /// A code as a person typed it: case, spaces and dashes do not matter.
    pub fn typed(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let code: String = letters
            .take(LENGTH + 1)
            .map(|letter| letter.to_ascii_uppercase())
            .collect();
        let known = |byte: u8| ALPHABET.contains(&byte);
        (code.len() == LENGTH && code.bytes().all(known)).then_some(Self(code))
    }

    /// What is kept of it.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(self.0.as_bytes()).as_bytes()
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_have_no_letters_that_look_alike() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..500 {
            let code = UserCode::generate().unwrap().to_string();
            assert_eq!(code.len(), LENGTH);
            assert!(!code.contains(['0', 'O', '1', 'I', 'A', 'E', 'U', 'Y']));
            assert!(seen.insert(code));
        }
    }

    proptest! {
        #[test]
        fn a_code_is_read_however_it_is_typed(
            code in "[BCDFGHJKLMNPQRSTVWXZ]{9}", at in 0_usize..9, gap in "[ -]{0,3}", lower: bool,
        ) {
            let mut typed = if lower { code.to_lowercase() } else { code.clone() };
            typed.insert_str(at, &gap);
            prop_assert_eq!(UserCode::typed(&typed).map(|code| code.to_string()), Some(code));
        }

        #[test]
        fn anything_else_is_no_code(text in ".{0,20}") {
            if let Some(code) = UserCode::typed(&text) {
                let letters = text.chars().filter(char::is_ascii_alphabetic).count();
                prop_assert_eq!(letters, code.to_string().len());
            }
        }
    }
}

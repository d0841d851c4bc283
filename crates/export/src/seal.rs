//! HMAC-SHA-256 (RFC 2104) over what is handed out and comes back: links and paging tokens.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long a seal is, in bytes.
pub(crate) const SEAL_BYTES: usize = 32;

/// A key that seals links and paging tokens: 32 random bytes that the caller keeps, and a name for them.
#[derive(Clone)]
pub struct SealKey {
    version: Box<str>,
    // Keyed once: what the key leads to is kept, not the key.
    mac: Hmac<Sha256>,
}

/// A name of a key that cannot stand in a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the version of a key is 1 to 32 letters, digits, '-', '.' and '_', not '{0}'")]
pub struct BadVersion(pub String);

/// The key that seals, and those that sealed before and still count.
#[derive(Debug, Clone)]
pub struct SealKeys {
    current: SealKey,
    previous: Vec<SealKey>,
}

/// What a seal is for: a seal of one purpose is none for another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Link,
    SkipToken,
}

/// Why a seal does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealError {
    UnknownKey,
    Wrong,
}

impl SealKey {
    /// A key.
    pub fn new(version: &str, secret: &[u8; 32]) -> Result<Self, BadVersion> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !(1..=32).contains(&version.len()) || !version.bytes().all(allowed) {
            return Err(BadVersion(version.to_owned()));
        }
        Ok(Self {
            version: version.into(),
            mac: <Hmac<Sha256> as KeyInit>::new(&{
                let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
                // A shorter key is filled with zeros (RFC 2104, section 2).
                block[..secret.len()].copy_from_slice(secret);
                block
            }),
        })
    }

    fn keyed(&self, purpose: Purpose, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(match purpose {
            Purpose::Link => b"kbgap export link 1",
            Purpose::SkipToken => b"kbgap skip token 1",
        });
        for part in [self.version.as_bytes()].iter().chain(parts) {
            // Lengths first: no two lists of parts run together.
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl SealKeys {
    /// Keys of which one seals.
    pub fn new(current: SealKey) -> Self {
        Self {
            current,
            previous: Vec::new(),
        }
    }

    /// The same, and what a former key sealed counts too.
    #[must_use]
    pub fn with_previous(mut self, key: SealKey) -> Self {
        self.previous.push(key);
        self
    }

    /// The name of the key that seals.
    pub(crate) fn version(&self) -> &str {
        &self.current.version
    }

    pub(crate) fn seal(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; SEAL_BYTES] {
        let mac = self.current.keyed(purpose, parts);
        mac.finalize().into_bytes().into()
    }

    /// Whether a seal is right; how long that takes does not depend on where it is wrong.
    pub(crate) fn verify(
        &self,
        version: &str,
        purpose: Purpose,
        parts: &[&[u8]],
        seal: &[u8],
    ) -> Result<(), SealError> {
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| &*key.version == version)
            .ok_or(SealError::UnknownKey)?;
        key.keyed(purpose, parts)
            .verify_slice(seal)
            .map_err(|_| SealError::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_that_of_the_rfc() {
        // RFC 4231, test case 2, but the key filled with zeros to 32 bytes, which is the same key.
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let mut mac = SealKey::new("1", &secret).unwrap().mac;
        mac.update(b"what do ya want for nothing?");
        let expected = [
            0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
            0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9,
            0x64, 0xec, 0x38, 0x43,
        ];
        assert_eq!(mac.finalize().into_bytes()[..], expected);
    }

    #[test]
    fn a_seal_counts_for_its_parts_its_purpose_and_its_key_only() {
        let key = SealKey::new("1", &[1; 32]).unwrap();
        let keys = SealKeys::new(key.clone());
        let seal = keys.seal(Purpose::Link, &[b"ab", b"c"]);
        let verify =
            |keys: &SealKeys, purpose, parts: &[&[u8]]| keys.verify("1", purpose, parts, &seal);
        assert_eq!(verify(&keys, Purpose::Link, &[b"ab", b"c"]), Ok(()));
        let wrong = Err(SealError::Wrong);
        assert_eq!(verify(&keys, Purpose::Link, &[b"a", b"bc"]), wrong);
        assert_eq!(verify(&keys, Purpose::SkipToken, &[b"ab", b"c"]), wrong);
        let newer = SealKeys::new(SealKey::new("2", &[2; 32]).unwrap());
        let parts: &[&[u8]] = &[b"ab", b"c"];
        assert_eq!(
            verify(&newer, Purpose::Link, parts),
            Err(SealError::UnknownKey)
        );
        let both = newer.with_previous(key.clone());
        assert_eq!(verify(&both, Purpose::Link, parts), Ok(()));
        let other = SealKeys::new(SealKey::new("1", &[3; 32]).unwrap());
        assert_eq!(verify(&other, Purpose::Link, parts), wrong);
        assert!(!format!("{key:?}").contains("mac"));
        assert!(SealKey::new("a&b", &[0; 32]).is_err());
    }
}

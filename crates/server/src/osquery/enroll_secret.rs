//! The secrets that hosts enroll with: made at random, shown once, kept as a hash.

use std::fmt;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// A secret as it is shown: `kbgap_enroll_<id>_<256 bits>`. It does not print itself.
#[derive(Clone)]
pub struct EnrollSecret {
    text: Box<str>,
    id: std::ops::Range<usize>,
}

/// What is kept of a secret. The hash is as good as a password to whoever can enroll with it: the keys of nodes are
/// derived from it.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrollSecretRecord {
    /// Its id, which is part of its text.
    pub id: Box<str>,
    /// The tenant whose hosts enroll with it.
    pub tenant: Box<str>,
    /// The BLAKE3 hash of its text. A plain hash is enough for 256 random bits; its comparison takes constant time.
    pub hash: blake3::Hash,
}

/// The system gives no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

const PREFIX: &str = "kbgap_enroll_";
/// 64 bits, enough to tell secrets apart.
const ID_BYTES: usize = 8;
/// 256 bits, out of reach for guessing.
const SECRET_BYTES: usize = 32;

impl EnrollSecret {
    /// A new secret.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; ID_BYTES + SECRET_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| NoRandomness)?;
        let (id, secret) = bytes.split_at(ID_BYTES);
        let text = format!("{PREFIX}{}_{}", Hex(id), Hex(secret));
        Self::of_text(&text).ok_or(NoRandomness)
    }

    /// A secret as a host sends it; `None` where the text is of no secret's form.
    pub fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let rest = text.strip_prefix(PREFIX)?;
        let (id, secret) = rest.split_once('_')?;
        let is_hex = |part: &str, bytes: usize| {
            part.len() == 2 * bytes && part.bytes().all(|b| b.is_ascii_hexdigit())
        };
        (is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES)).then(|| Self {
            id: PREFIX.len()..PREFIX.len() + id.len(),
            text: text.into(),
        })
    }

    /// The secret itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.text[self.id.clone()]
    }

    /// What is kept of it.
    pub fn record(&self, tenant: &str) -> EnrollSecretRecord {
        EnrollSecretRecord {
            id: self.id().into(),
            tenant: tenant.into(),
            hash: self.hash(),
        }
    }

    fn hash(&self) -> blake3::Hash {
        blake3::hash(self.text.as_bytes())
    }
}

impl EnrollSecretRecord {
    /// Whether a secret is the one this is the record of.
    pub fn matches(&self, secret: &EnrollSecret) -> bool {
        self.hash == secret.hash()
    }
}

impl fmt::Debug for EnrollSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollSecret")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EnrollSecretRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollSecretRecord")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_matches() {
        let secret = EnrollSecret::generate().unwrap();
        let record = secret.record("t1");
        let sent = EnrollSecret::of_text(&format!(" {}\r\n", secret.expose())).unwrap();
        assert!(record.matches(&sent) && sent.id() == &*record.id);
        assert!(!record.matches(&EnrollSecret::generate().unwrap()));
        let mut other = secret.expose().to_owned();
        let last = if other.ends_with('0') { "1" } else { "0" };
        other.replace_range(other.len() - 1.., last);
        assert!(!record.matches(&EnrollSecret::of_text(&other).unwrap()));
    }

    #[test]
    fn neither_a_secret_nor_its_hash_is_printed() {
        let secret = EnrollSecret::generate().unwrap();
        let record = secret.record("t1");
        let printed = format!("{secret:?} {record:?}");
        let bits = secret.expose().rsplit('_').next().unwrap();
        assert!(!printed.contains(bits) && !printed.contains(record.hash.to_hex().as_str()));
        assert!(printed.contains(secret.id()));
    }

    #[test]
    fn what_is_no_secret_is_told() {
        for text in [
            "",
            "secret",
            "kbgap_enroll_",
            "kbgap_enroll_00_11",
            "kbgap_enroll_é_",
        ] {
            assert!(EnrollSecret::of_text(text).is_none(), "{text}");
        }
    }
}

//! Node keys: by which a host is known after it enrolled.
//!
//! A key is the host as it enrolled and the id of its secret, with a MAC under a key derived from that secret's hash.
//! Nothing of it is stored: another server on the same store knows it as well, and without the secret's record it is
//! worth nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kbgap_inventory::osquery::OsqueryHost;
use serde::{Deserialize, Serialize};

use super::EnrollSecretRecord;

/// The longest key read: names have up to 255 characters.
const MAX_KEY: usize = 8 * 1024;
const PREFIX: &str = "kbgap1";
/// What the derived key is for; a change of it ends all keys.
const CONTEXT: &str = "kbgap osquery node keys, version 1";

/// What a key says, signed or not.
#[derive(Serialize, Deserialize)]
struct Claims {
    secret: Box<str>,
    host: OsqueryHost,
}

/// A key whose MAC is not verified yet.
pub(crate) struct UnverifiedKey<'a> {
    claims: Claims,
    signed: &'a str,
    mac: blake3::Hash,
}

/// The key of a host that enrolled with a secret.
pub(crate) fn issue(
    record: &EnrollSecretRecord,
    host: &OsqueryHost,
) -> Result<String, serde_json::Error> {
    let claims = serde_json::to_vec(&Claims {
        secret: record.id.clone(),
        host: host.clone(),
    })?;
    let signed = format!("{PREFIX}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mac = mac(record, &signed);
    Ok(format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(mac.as_bytes())
    ))
}

impl<'a> UnverifiedKey<'a> {
    /// Reads a key; `None` where the text is none.
    pub(crate) fn read(key: &'a str) -> Option<Self> {
        if key.len() > MAX_KEY {
            return None;
        }
        let (signed, mac) = key.rsplit_once('.')?;
        let claims = signed.strip_prefix(PREFIX)?.strip_prefix('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let mac: [u8; blake3::OUT_LEN] = URL_SAFE_NO_PAD.decode(mac).ok()?.try_into().ok()?;
        Some(Self {
            claims: serde_json::from_slice(&claims).ok()?,
            signed,
            mac: mac.into(),
        })
    }

    /// The id of the secret that the host says it enrolled with.
    pub(crate) fn secret(&self) -> &str {
        &self.claims.secret
    }

    /// The host, where the key was issued under this secret. The comparison takes constant time.
    pub(crate) fn verify(self, record: &EnrollSecretRecord) -> Option<OsqueryHost> {
        (*record.id == *self.claims.secret && mac(record, self.signed) == self.mac)
            .then_some(self.claims.host)
    }
}

fn mac(record: &EnrollSecretRecord, signed: &str) -> blake3::Hash {
    let mut material = record.hash.as_bytes().to_vec();
    // The tenant as well: a record that is moved to another tenant does not take its hosts along.
    material.extend_from_slice(record.tenant.as_bytes());
    let key = blake3::derive_key(CONTEXT, &material);
    blake3::keyed_hash(&key, signed.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::EnrollSecret;
    use super::*;
    use kbgap_inventory::osquery::HostDetails;

    fn host(name: &str) -> OsqueryHost {
        let at = jiff::Timestamp::from_second(1_710_000_000).unwrap();
        OsqueryHost::enroll(name, &HostDetails::default(), at).unwrap()
    }

    fn opened(key: &str, record: &EnrollSecretRecord) -> Option<OsqueryHost> {
        UnverifiedKey::read(key)?.verify(record)
    }

    #[test]
    fn a_key_is_of_its_host_and_secret_only() {
        let record = EnrollSecret::generate().unwrap().record("t1");
        let key = issue(&record, &host("pc1")).unwrap();
        assert_eq!(UnverifiedKey::read(&key).unwrap().secret(), &*record.id);
        assert_eq!(opened(&key, &record), Some(host("pc1")));
        let other = EnrollSecret::generate().unwrap().record("t1");
        assert_eq!(opened(&key, &other), None);
        // Another secret under the same id, and the same secret of another tenant.
        let replaced = EnrollSecretRecord {
            hash: other.hash,
            ..record.clone()
        };
        assert_eq!(opened(&key, &replaced), None);
        let moved = EnrollSecretRecord {
            tenant: "t2".into(),
            ..record.clone()
        };
        assert_eq!(opened(&key, &moved), None);
        // The claims of one key with the MAC of another.
        let pc2 = issue(&record, &host("pc2")).unwrap();
        let (claims, _) = pc2.rsplit_once('.').unwrap();
        let (_, mac) = key.rsplit_once('.').unwrap();
        assert_eq!(opened(&format!("{claims}.{mac}"), &record), None);
    }

    #[test]
    fn no_byte_of_a_key_can_be_another() {
        let record = EnrollSecret::generate().unwrap().record("t1");
        let key = issue(&record, &host("pc1")).unwrap();
        for at in 0..key.len() {
            let mut forged = key.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(opened(&forged, &record), None, "{at}");
        }
    }

    #[test]
    fn what_is_no_key_is_told() {
        let long = "a".repeat(MAX_KEY + 1);
        for text in [
            "",
            ".",
            "kbgap1",
            "kbgap1..",
            "kbgap1.e30.AAAA",
            "..........",
            &long,
        ] {
            assert!(UnverifiedKey::read(text).is_none(), "{text}");
        }
    }
}

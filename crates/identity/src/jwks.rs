//! The published keys of an issuer (RFC 7517).

use std::collections::HashMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse, RSAKeyParameters,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::SignatureAlgorithm;

/// How many keys are read; a provider has a handful.
const MAX_KEYS: usize = 100;
/// Sizes of RSA keys, in bits (NIST SP 800-131A; what the library verifies).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key that verifies signatures: by its id, and by the algorithms pinned to it.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    pub(crate) kid: Box<str>,
    pub(crate) algorithms: Box<[SignatureAlgorithm]>,
    pub(crate) decoding: DecodingKey,
    /// As published, to tell whether it is another one.
    published: Jwk,
}

/// The keys of a set that are of use, and those that are not.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    /// Those that verify signatures.
    pub keys: Vec<VerifyingKey>,
    /// Those left out, each with the reason.
    pub skipped: Vec<SkippedKey>,
}

/// A key left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its id, where it has one.
    pub kid: Option<Box<str>>,
    /// Why.
    pub reason: SkipReason,
}

/// Why a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Not a JSON Web Key.
    #[error("it is not a readable key")]
    Unreadable,
    /// Tokens could not name it.
    #[error("it has no id (kid)")]
    NoId,
    /// Several have its id: which one a token means could only be guessed.
    #[error("another key has the same id (kid)")]
    SameId,
    /// Meant for something else (`use`, `key_ops`, or an `alg` of encryption).
    #[error("it is not for signatures")]
    NotForSignatures,
    /// Neither RSA, nor EC, nor Ed25519; a symmetric key in particular.
    #[error("its type is not accepted")]
    Type,
    /// RSA of a size or with an exponent that is not safe.
    #[error(
        "it is an RSA key of less than 2048 or more than 8192 bits, or with an unsafe exponent"
    )]
    Weak,
    /// Its point is not on its curve, or its curve is not the algorithm's.
    #[error("it is not a point of its curve")]
    Point,
    /// Its algorithm is not allowed for the issuer, or does not go with its type.
    #[error("its algorithm is not among those allowed for the issuer")]
    Algorithm,
}

/// A document that is no key set.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// Not JSON of the form of RFC 7517, section 5.
    #[error("it is not a JSON Web Key Set")]
    Form(#[from] serde_json::Error),
    /// More keys than any provider has.
    #[error("it has more than {MAX_KEYS} keys")]
    TooMany,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a key set; keys that are of no use are left out and told.
    pub fn read(json: &[u8], allowed: &[SignatureAlgorithm]) -> Result<Self, KeySetError> {
        let document: Document = serde_json::from_slice(json)?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut ids: HashMap<Box<str>, usize> = HashMap::new();
        for kid in document.keys.iter().filter_map(kid) {
            *ids.entry(kid).or_default() += 1;
        }
        let mut set = Self::default();
        for value in &document.keys {
            let kid = kid(value);
            let alone = kid.as_ref().is_none_or(|kid| ids.get(kid) == Some(&1));
            let read = if alone {
                VerifyingKey::read(value, allowed)
            } else {
                Err(SkipReason::SameId)
            };
            match read {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.skipped.push(SkippedKey { kid, reason }),
            }
        }
        Ok(set)
    }
}

fn kid(key: &Value) -> Option<Box<str>> {
    key.get("kid")?.as_str().map(Box::from)
}

impl VerifyingKey {
    /// Its id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithms a token signed by it may have.
    pub fn algorithms(&self) -> &[SignatureAlgorithm] {
        &self.algorithms
    }

    fn read(value: &Value, allowed: &[SignatureAlgorithm]) -> Result<Self, SkipReason> {
        let jwk: Jwk = Jwk::deserialize(value).map_err(|_| SkipReason::Unreadable)?;
        let common = &jwk.common;
        let kid = common.key_id.as_deref().ok_or(SkipReason::NoId)?;
        let for_signatures = match &common.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            Some(_) => false,
        };
        let operations = common.key_operations.as_ref();
        if !for_signatures || operations.is_some_and(|all| !all.contains(&KeyOperations::Verify)) {
            return Err(SkipReason::NotForSignatures);
        }
        let of_type = by_type(&jwk)?;
        let pinned = match common.key_algorithm {
            None => of_type,
            Some(named) => {
                let named = Algorithm::try_from(named).map_err(|_| SkipReason::NotForSignatures)?;
                of_type.into_iter().filter(|own| own.0 == named).collect()
            }
        };
        let algorithms: Box<[_]> = pinned
            .into_iter()
            .filter(|algorithm| allowed.contains(algorithm))
            .collect();
        if algorithms.is_empty() {
            return Err(SkipReason::Algorithm);
        }
        Ok(Self {
            kid: kid.into(),
            algorithms,
            decoding: DecodingKey::from_jwk(&jwk).map_err(|_| SkipReason::Unreadable)?,
            published: jwk,
        })
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.published == other.published && self.algorithms == other.algorithms
    }
}

/// The algorithms that go with a key's type, where the key is sound.
fn by_type(jwk: &Jwk) -> Result<Vec<SignatureAlgorithm>, SkipReason> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(key) => {
            sound_rsa(key)?;
            let all = SignatureAlgorithm::ALL.into_iter();
            Ok(all.filter(|algorithm| algorithm.is_rsa()).collect())
        }
        AlgorithmParameters::EllipticCurve(key) => {
            let (algorithm, bytes, library): (_, _, &'static dyn VerificationAlgorithm) =
                match key.curve {
                    EllipticCurve::P256 => (Algorithm::ES256, 32, &ECDSA_P256_SHA256_FIXED),
                    EllipticCurve::P384 => (Algorithm::ES384, 48, &ECDSA_P384_SHA384_FIXED),
                    _ => return Err(SkipReason::Type),
                };
            let (x, y) = (bytes_of(&key.x)?, bytes_of(&key.y)?);
            if x.len() != bytes || y.len() != bytes {
                return Err(SkipReason::Point);
            }
            // Uncompressed (SEC 1, section 2.3.3).
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            ParsedPublicKey::new(library, point).map_err(|_| SkipReason::Point)?;
            Ok(vec![SignatureAlgorithm(algorithm)])
        }
        AlgorithmParameters::OctetKeyPair(key) => {
            if key.curve != EllipticCurve::Ed25519 {
                return Err(SkipReason::Type);
            }
            ParsedPublicKey::new(&ED25519, bytes_of(&key.x)?).map_err(|_| SkipReason::Point)?;
            Ok(vec![SignatureAlgorithm(Algorithm::EdDSA)])
        }
        _ => Err(SkipReason::Type),
    }
}

fn sound_rsa(key: &RSAKeyParameters) -> Result<(), SkipReason> {
    let (modulus, exponent) = (bytes_of(&key.n)?, bytes_of(&key.e)?);
    let (modulus, exponent) = (stripped(&modulus), stripped(&exponent));
    let first_bits = modulus
        .first()
        .map_or(0, |first| first.ilog2() as usize + 1);
    let bits = modulus.len().saturating_sub(1) * 8 + first_bits;
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let exponent_safe = odd(exponent) && exponent != [1] && exponent.len() <= 4;
    if RSA_BITS.contains(&bits) && odd(modulus) && exponent_safe {
        Ok(())
    } else {
        Err(SkipReason::Weak)
    }
}

fn stripped(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn bytes_of(encoded: &str) -> Result<Vec<u8>, SkipReason> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded);
    bytes.map_err(|_| SkipReason::Unreadable)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::SkipReason::{
        Algorithm, NoId, NotForSignatures, Point, SameId, Type, Unreadable, Weak,
    };
    use super::*;
    use crate::signing_key::SigningKey;

    fn read(keys: &Value, allowed: &[SignatureAlgorithm]) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes(), allowed).unwrap()
    }

    fn rsa() -> Value {
        serde_json::to_value(SigningKey::generate().unwrap().jwk()).unwrap()
    }

    #[test]
    fn keys_of_no_use_are_left_out_and_counted() {
        let good = rsa();
        let with = |name: &str, value: Value| {
            let mut key = rsa();
            key[name] = value;
            key
        };
        let without = |name: &str| {
            let mut key = rsa();
            key.as_object_mut().unwrap().remove(name);
            key
        };
        let modulus = |bytes: usize| URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
        let twice = rsa();
        // The point of RFC 7515, appendix A.3; and one that is on no curve.
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
        let ec = |kid: &str, curve: &str, x: &str| json!({ "kty": "EC", "kid": kid, "crv": curve, "x": x, "y": y });
        let keys = json!([
            good,
            with("use", json!("enc")),
            with("key_ops", json!(["encrypt"])),
            with("alg", json!("RSA-OAEP")),
            with("alg", json!("ES256")),
            with("n", json!(modulus(128))),
            with("n", json!(modulus(2048))),
            with("e", json!("AQ")),
            with("e", json!("not base64!")),
            without("kid"),
            twice,
            twice,
            { "kty": "oct", "kid": "h", "k": "c2VjcmV0" },
            "no key",
            { "kty": "EC", "kid": "k1", "crv": "secp256k1", "x": x, "y": y },
            ec("on", "P-256", x),
            ec("off", "P-256", y),
            ec("other", "P-384", x),
            { "kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
        ]);
        let set = read(&keys, &SignatureAlgorithm::ALL);
        let kept: Vec<_> = set.keys.iter().map(VerifyingKey::kid).collect();
        assert_eq!(kept, [good["kid"].as_str().unwrap(), "on", "ed"]);
        // The key's own algorithm is pinned, else those of its type.
        let algorithms: Vec<_> = set.keys.iter().map(|key| key.algorithms()[0]).collect();
        assert_eq!(
            algorithms
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["RS256", "ES256", "EdDSA"]
        );
        let reasons: Vec<_> = set.skipped.iter().map(|key| key.reason).collect();
        assert_eq!(
            reasons,
            [
                NotForSignatures,
                NotForSignatures,
                NotForSignatures,
                Algorithm,
                Weak,
                Weak,
                Weak,
                Unreadable,
                NoId,
                SameId,
                SameId,
                Type,
                Unreadable,
                Type,
                Point,
                Point,
            ]
        );
    }

    #[test]
    fn only_what_the_issuer_may_use_is_pinned() {
        let mut open = rsa();
        open.as_object_mut().unwrap().remove("alg");
        let allowed: [SignatureAlgorithm; 2] = ["PS256", "ES256"].map(|name| name.parse().unwrap());
        let set = read(&json!([open, rsa()]), &allowed);
        assert_eq!(set.keys.len(), 1);
        assert_eq!(set.keys[0].algorithms(), &allowed[..1]);
        assert_eq!(set.skipped[0].reason, SkipReason::Algorithm);
        assert!("HS256".parse::<SignatureAlgorithm>().is_err());
        assert!("none".parse::<SignatureAlgorithm>().is_err());
        assert!(KeySet::read(b"[]", &allowed).is_err());
        let many = json!({ "keys": vec![Value::Null; 101] }).to_string();
        let many = KeySet::read(many.as_bytes(), &allowed);
        assert!(matches!(many, Err(KeySetError::TooMany)));
    }
}

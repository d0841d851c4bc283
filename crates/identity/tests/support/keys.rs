//! Pairs of keys that sign tokens in tests.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use kbgap_identity::SigningKey;
use serde_json::{Value, json};

use super::{encode, signed};

/// A pair of keys: what signs, and what is published.
pub(crate) struct KeyPair {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) encoding: EncodingKey,
    pub(crate) jwk: Value,
    /// The public key as it is in certificates, where it is one of RSA.
    pub(crate) public: Vec<u8>,
}

/// The pair of a key of the server.
pub(crate) fn own_pair(key: &SigningKey) -> KeyPair {
    KeyPair::rsa(key.kid(), key)
}

impl KeyPair {
    /// Of RSA, for RS256; what is published says no algorithm.
    pub(crate) fn rsa(kid: &str, key: &SigningKey) -> Self {
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(key.pkcs8())
        );
        let encoding = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        let pair = rsa::KeyPair::from_pkcs8(key.pkcs8()).unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        Self {
            public: public.as_ref().to_vec(),
            ..Self::of(kid, Algorithm::RS256, encoding)
        }
    }

    pub(crate) fn p256(kid: &str) -> Self {
        Self::elliptic(kid, Algorithm::ES256, &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub(crate) fn p384(kid: &str) -> Self {
        Self::elliptic(kid, Algorithm::ES384, &ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn elliptic(kid: &str, algorithm: Algorithm, signing: &'static EcdsaSigningAlgorithm) -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new()).unwrap();
        Self::of(kid, algorithm, EncodingKey::from_ec_der(pkcs8.as_ref()))
    }

    pub(crate) fn ed25519(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let x = encode(pair.public_key());
        Self {
            kid: kid.to_owned(),
            algorithm: Algorithm::EdDSA,
            encoding: EncodingKey::from_ed_der(pkcs8.as_ref()),
            jwk: json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x }),
            public: Vec::new(),
        }
    }

    fn of(kid: &str, algorithm: Algorithm, encoding: EncodingKey) -> Self {
        let jwk = Jwk::from_encoding_key(&encoding, algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(kid);
        jwk.as_object_mut().unwrap().remove("alg");
        Self {
            kid: kid.to_owned(),
            algorithm,
            encoding,
            jwk,
            public: Vec::new(),
        }
    }

    /// Published as for one algorithm only, and signing by it.
    pub(crate) fn only(mut self, algorithm: &str) -> Self {
        self.algorithm = algorithm.parse().unwrap();
        self.with("alg", algorithm)
    }

    /// Published with a field.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.jwk[name] = json!(value);
        self
    }

    /// A header that names the key.
    pub(crate) fn header(&self) -> Value {
        json!({ "alg": format!("{:?}", self.algorithm), "typ": "JWT", "kid": self.kid })
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    /// A token with these claims and another header.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let (header, claims) = (header.to_string(), claims.to_string());
        signed(header.as_bytes(), claims.as_bytes(), self, self.algorithm)
    }
}

//! Keys that sign tokens.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

/// The algorithm of every token, the one Entra ID uses.
pub(crate) const ALGORITHM: Algorithm = Algorithm::RS256;

/// An RSA key that signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    pkcs8: Box<[u8]>,
    kid: Box<str>,
    jwk: Jwk,
    pub(crate) encoding: EncodingKey,
    pub(crate) decoding: DecodingKey,
}

/// Why a key cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be made.
    #[error("no signing key can be made")]
    Generate,
    /// It is not an RSA key in PKCS#8.
    #[error("the stored signing key is damaged")]
    Damaged,
    /// Its public part cannot be stated.
    #[error("the public part of the signing key cannot be stated")]
    Public(#[from] jsonwebtoken::errors::Error),
}

impl SigningKey {
    /// A new key of 2048 bits.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?;
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> =
            pair.as_der().map_err(|_| KeyError::Generate)?;
        Self::from_pkcs8(der.as_ref())
    }

    /// A key as it was kept.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Damaged)?;
        // The library takes PKCS#8 as PEM only.
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(pkcs8)
        );
        let encoding = EncodingKey::from_rsa_pem(pem.as_bytes())?;
        let mut jwk = Jwk::from_encoding_key(&encoding, ALGORITHM)?;
        let kid: Box<str> = jwk.thumbprint(ThumbprintHash::SHA256)?.into();
        jwk.common.key_id = Some(kid.clone().into());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let decoding = DecodingKey::from_jwk(&jwk)?;
        Ok(Self {
            pkcs8: pkcs8.into(),
            kid,
            jwk,
            encoding,
            decoding,
        })
    }

    /// Its id: the thumbprint of RFC 7638.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The private key as PKCS#8, to be kept.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key, to be published.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

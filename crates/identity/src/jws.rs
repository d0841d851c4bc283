//! The outer form of a token (RFC 7515, section 7.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::algorithm::SignatureAlgorithm;
use crate::claims::ClaimSet;
use crate::unauthorized::Unauthorized;

/// The types of tokens accepted (RFC 7519, section 5.1; RFC 9068, section 2.1), without `application/`.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// A signed token, taken apart; nothing of it is verified yet.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    /// What is signed: header and payload, encoded.
    message: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    pub(crate) claims: ClaimSet,
}

impl<'a> Jws<'a> {
    pub(crate) fn read(token: &'a str) -> Result<Self, Unauthorized> {
        let malformed = || Unauthorized::Malformed;
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (_, payload) = message.split_once('.').ok_or_else(malformed)?;
        // A point more, and the library or the alphabet refuses it.
        let header = jsonwebtoken::decode_header(token).map_err(|_| malformed())?;
        let extras = header.extras.inner();
        // Extensions that must be understood are not (RFC 7515, section 4.1.11); neither is a payload in another encoding
        // (RFC 7797), packed, encrypted, or a token in a token.
        if header.crit.is_some()
            || header.enc.is_some()
            || header.zip.is_some()
            || header.cty.is_some()
            || extras.contains_key("b64")
        {
            return Err(malformed());
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| malformed())?;
        Ok(Self {
            message,
            signature,
            algorithm: header.alg,
            kid: header.kid,
            typ: header.typ,
            claims: ClaimSet::read(&payload)?,
        })
    }

    /// The id of the key it says to be signed by.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether a key signed it, by an algorithm pinned to the key: which one is never the token's to choose. Keys and
    /// addresses of keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
    pub(crate) fn signed_by(
        &self,
        key: &DecodingKey,
        pinned: &[SignatureAlgorithm],
    ) -> Result<(), Unauthorized> {
        if !pinned.contains(&SignatureAlgorithm(self.algorithm)) {
            return Err(Unauthorized::UnknownKey);
        }
        let message = self.message.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, message, key, self.algorithm) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unauthorized::Signature),
            Err(_) => Err(Unauthorized::Malformed),
        }
    }

    /// Whether its type is that of an access token: the issuer says it, where the type is said at all.
    pub(crate) fn is_access_token(&self) -> bool {
        self.typ.as_deref().is_none_or(|typ| {
            let short = match typ.get(..12) {
                Some(prefix) if prefix.eq_ignore_ascii_case("application/") => &typ[12..],
                _ => typ,
            };
            TYPES.iter().any(|known| known.eq_ignore_ascii_case(short))
        })
    }
}

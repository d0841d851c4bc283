//! Issuers with their keys, and tokens that must be refused, each by name.
#![allow(dead_code, reason = "each test file uses a part")]

mod attacks;
mod keys;

pub(crate) use attacks::attacks;
pub(crate) use keys::{KeyPair, own_pair};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use kbgap_identity::SigningKey;
use serde_json::{Value, json};

/// What every token is for.
pub(crate) const AUDIENCE: &str = "https://api.securitycenter.microsoft.com";
/// The foreign issuer's name in the configuration.
pub(crate) const FOREIGN: &str = "sso";
/// A tenant of Entra ID.
pub(crate) const TID: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
/// The tenant of Entra ID's name in the configuration.
pub(crate) const ENTRA: &str = "entra";

/// A server with its keys, a foreign provider with its, a tenant of Entra ID, and who wants in.
pub(crate) struct World {
    /// The URL of the server: the base of its issuers.
    pub(crate) base: String,
    pub(crate) tenant: String,
    /// The key that the server signs with.
    pub(crate) own: KeyPair,
    /// A key that the server signed with long ago.
    pub(crate) spent: KeyPair,
    /// The URL of the foreign issuer.
    pub(crate) foreign: String,
    /// Its keys: the algorithm of the first is open, that of the others said.
    pub(crate) rsa: KeyPair,
    pub(crate) pss: KeyPair,
    pub(crate) p256: KeyPair,
    pub(crate) p384: KeyPair,
    pub(crate) ed25519: KeyPair,
    /// Keys it publishes that do not count.
    pub(crate) for_encryption: KeyPair,
    pub(crate) twin: KeyPair,
    /// The key of Entra ID.
    pub(crate) entra: KeyPair,
    /// The key of who wants in.
    pub(crate) attacker: KeyPair,
}

impl World {
    pub(crate) fn new(base: &str, tenant: &str, own: KeyPair, foreign: &str) -> Self {
        let rsa = |kid| KeyPair::rsa(kid, &SigningKey::generate().unwrap());
        Self {
            base: base.to_owned(),
            tenant: tenant.to_owned(),
            own,
            spent: own_pair(&SigningKey::generate().unwrap()),
            foreign: foreign.to_owned(),
            rsa: rsa("rsa"),
            pss: rsa("pss").only("PS256"),
            p256: KeyPair::p256("p256"),
            p384: KeyPair::p384("p384"),
            ed25519: KeyPair::ed25519("ed25519"),
            for_encryption: rsa("enc").with("use", "enc"),
            twin: rsa("twin"),
            entra: rsa("entra").only("RS256"),
            attacker: rsa("attacker"),
        }
    }

    /// What the foreign issuer publishes.
    pub(crate) fn foreign_keys(&self) -> Value {
        let weak = json!({
            "kty": "RSA", "kid": "weak", "e": "AQAB", "use": "sig",
            "n": URL_SAFE_NO_PAD.encode([0xc5; 128]),
        });
        let good = [&self.rsa, &self.pss, &self.p256, &self.p384, &self.ed25519];
        let bad = [&self.for_encryption, &self.twin, &self.twin];
        let published = good.into_iter().chain(bad).map(|pair| pair.jwk.clone());
        json!({ "keys": published.chain([weak]).collect::<Vec<_>>() })
    }

    /// The claims of an application's token of the server.
    pub(crate) fn own_claims(&self) -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "aud": AUDIENCE, "iss": format!("{}/{}/v2.0", self.base, self.tenant), "tid": self.tenant,
            "iat": now, "nbf": now, "exp": now + 3599,
            "appid": "app", "oid": "app", "sub": "app", "roles": ["Software.Read.All"],
        })
    }

    /// The claims of an application's token of the foreign issuer.
    pub(crate) fn foreign_claims(&self) -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "aud": AUDIENCE, "iss": self.foreign, "iat": now, "exp": now + 300,
            "azp": "svc", "sub": "0f1e", "idtyp": "app", "typ": "Bearer",
            "realm_access": { "roles": ["Software.Read.All"] },
        })
    }

    /// The claims of an application's token of Entra ID.
    pub(crate) fn entra_claims() -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "aud": AUDIENCE, "iss": format!("https://sts.windows.net/{TID}/"), "tid": TID,
            "iat": now, "nbf": now, "exp": now + 3900, "ver": "1.0",
            "appid": "app", "appidacr": "1", "oid": "obj", "sub": "obj", "roles": ["Software.Read.All"],
        })
    }

    /// A token of the server.
    pub(crate) fn own_token(&self) -> String {
        self.own.sign(&self.own_claims())
    }
}

/// Claims with one changed.
pub(crate) fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

/// Claims with one left out.
pub(crate) fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A token of any header and payload, signed.
pub(crate) fn signed(
    header: &[u8],
    payload: &[u8],
    pair: &KeyPair,
    algorithm: Algorithm,
) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &pair.encoding, algorithm);
    format!("{message}.{}", signature.unwrap())
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
